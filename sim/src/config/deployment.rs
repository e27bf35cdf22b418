//! `deployment.toml`: where a gateway listens, what it calls itself, whether it is clustered.
//!
//! The real server puts the keys that it knows into templates and passes over all others without a word, so
//! that a misspelt key is a warning here, never an error.

use std::net::IpAddr;
use std::ops::Range;

use harness::finding::{Finding, Findings, Source, nearest};
use toml::Spanned;

use super::gateway::{Clustering, Ports, ProxyPorts};
use super::table::{self, Table, Unknown};

/// What the file says, without the start command.
pub(super) struct Deployment {
    pub(super) hostname: String,
    pub(super) management_hostname: String,
    pub(super) node_ip: Option<Spanned<IpAddr>>,
    pub(super) offset: u16,
    /// Before the offset is added.
    pub(super) base_ports: Ports,
    /// Where each of [`Ports::all`] is set; none when it is the default.
    pub(super) port_spans: [Option<Range<usize>>; 4],
    pub(super) proxy_ports: ProxyPorts,
    pub(super) clustering: Option<Clustering>,
}

/// Keys of `[server]` that the model reads or that have no effect on it.
const SERVER: [&str; 14] = [
    "hostname",
    "node_ip",
    "offset",
    "mgt_console_hostname",
    "server_role",
    "mode",
    "base_path",
    "name",
    "enableMTOM",
    "enableSwA",
    "disable_shutdown_from_ui",
    "disable_restart_from_ui",
    "discard_empty_caches",
    "enable_port_forward",
];

/// Attributes of Tomcat's connector that do not change what the model does.
const CONNECTOR: [&str; 52] = [
    "port",
    "proxyPort",
    "proxyName",
    "redirectPort",
    "protocol",
    "scheme",
    "secure",
    "server",
    "executor",
    "maxThreads",
    "minSpareThreads",
    "acceptCount",
    "acceptorThreadCount",
    "bindOnInit",
    "maxConnections",
    "connectionTimeout",
    "keepAliveTimeout",
    "maxKeepAliveRequests",
    "maxHttpHeaderSize",
    "maxHeaderCount",
    "maxParameterCount",
    "maxPostSize",
    "maxSavePostSize",
    "maxSwallowSize",
    "disableUploadTimeout",
    "connectionUploadTimeout",
    "enableLookups",
    "compression",
    "compressionMinSize",
    "compressableMimeType",
    "compressibleMimeType",
    "noCompressionUserAgents",
    "URIEncoding",
    "useBodyEncodingForURI",
    "allowTrace",
    "relaxedPathChars",
    "relaxedQueryChars",
    "tcpNoDelay",
    "socketBuffer",
    "processorCache",
    "xpoweredBy",
    "SSLEnabled",
    "sslProtocol",
    "sslEnabledProtocols",
    "clientAuth",
    "ciphers",
    "keystoreFile",
    "keystorePass",
    "keystoreType",
    "keyAlias",
    "truststoreFile",
    "truststorePass",
];

/// Tables of the product's configuration catalogue that the model has no use for.
const OTHER_TABLES: [&str; 52] = [
    "super_admin",
    "user_store",
    "database",
    "datasource",
    "keystore",
    "truststore",
    "oauth",
    "event_handler",
    "event_listener",
    "event",
    "service_provider",
    "identity",
    "authentication",
    "admin_console",
    "admin_service",
    "monitoring",
    "cache",
    "tenant_mgt",
    "passthru_http",
    "passthru_properties",
    "synapse_properties",
    "synapse_handlers",
    "mediation",
    "message_builder",
    "message_builders",
    "message_formatters",
    "custom_message_builders",
    "custom_message_formatters",
    "blocking",
    "throttling",
    "realm_manager",
    "user_mgt",
    "system",
    "carbon_health_check",
    "session",
    "session_data",
    "saml",
    "scim2",
    "workflow",
    "notification",
    "output_adapter",
    "password_policy",
    "recaptcha",
    "resource_access_control",
    "registry",
    "security",
    "encryption",
    "secrets",
    "indexing",
    "analytics",
    "open_tracer",
    "open_telemetry",
];

/// Reads `deployment.toml`.
pub(super) fn read(source: &Source, findings: &mut Findings) -> Deployment {
    let entries = table::parse(source, findings);
    let mut root = Table::root(source, &entries);
    let mut deployment = Deployment {
        hostname: "localhost".to_owned(),
        management_hostname: String::new(),
        node_ip: None,
        offset: 0,
        base_ports: Ports {
            servlet_http: 9763,
            servlet_https: 9443,
            pass_through_http: 8280,
            pass_through_https: 8243,
        },
        port_spans: [None, None, None, None],
        proxy_ports: ProxyPorts::default(),
        clustering: None,
    };
    match root.table("server", findings) {
        Some(server) => read_server(source, server, &mut deployment, findings),
        None => findings.push(Finding::warning(
            source,
            0..0,
            "without `[server] hostname` the server calls itself localhost",
        )),
    }
    if deployment.management_hostname.is_empty() {
        deployment.management_hostname.clone_from(&deployment.hostname);
    }
    if let Some(transport) = root.table("transport", findings) {
        read_transport(source, transport, &mut deployment, findings);
    }
    if let Some(clustering) = root.table("clustering", findings) {
        deployment.clustering = read_clustering(source, clustering, findings);
    }
    if let Some(apim) = root.table("apim", findings) {
        refuse_synchronizer(source, apim, findings);
    }
    for unknown in root.unknown().filter(|unknown| !OTHER_TABLES.contains(&unknown.key)) {
        let known = ["server", "transport", "clustering", "apim"].into_iter().chain(OTHER_TABLES);
        findings.push(ignored(source, &root, &unknown, known));
    }
    deployment
}

/// A warning for a key that the server passes over.
fn ignored<'k>(
    source: &Source,
    table: &Table<'_>,
    unknown: &Unknown<'_>,
    known: impl IntoIterator<Item = &'k str>,
) -> Finding {
    let path = table.path(unknown.key);
    let message = format!("no template of the server reads `{path}`: it is ignored without a word");
    let finding = Finding::warning(source, unknown.span.clone(), message);
    match nearest_of_any_case(unknown.key, known) {
        Some(near) => finding.help(format!("write `{near}`")),
        None => finding,
    }
}

/// The nearest known word; one that differs in capitals only is nearest of all.
fn nearest_of_any_case<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let known: Vec<&str> = known.into_iter().collect();
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    known.iter().find(|candidate| plain(candidate) == plain(word)).copied().or_else(|| nearest(word, known))
}

fn read_server(source: &Source, mut server: Table<'_>, deployment: &mut Deployment, findings: &mut Findings) {
    match server.text("hostname", findings) {
        Some(name) => deployment.hostname = name.into_inner(),
        None if server.has("hostname") => {}
        None => findings.push(Finding::warning(
            source,
            server.span(),
            "without `hostname` the server calls itself localhost",
        )),
    }
    if let Some(name) = server.text("mgt_console_hostname", findings) {
        deployment.management_hostname = name.into_inner();
    }
    deployment.node_ip = server.address("node_ip", findings);
    if let Some(offset) = server.integer("offset", 0..=60_000, findings) {
        deployment.offset = u16::try_from(offset.into_inner()).expect("the range is an offset's");
    }
    for unknown in server.unknown().filter(|unknown| !SERVER.contains(&unknown.key)) {
        let finding = ignored(source, &server, &unknown, SERVER);
        findings.push(match unknown.key {
            // Documentation in use names this key, but nothing reads it.
            "mgt_hostname" => finding.help("write `mgt_console_hostname`"),
            _ => finding,
        });
    }
}

fn read_transport(
    source: &Source,
    mut transport: Table<'_>,
    deployment: &mut Deployment,
    findings: &mut Findings,
) {
    let ports = &mut deployment.base_ports;
    let [http, https, pass_http, pass_https] = &mut deployment.port_spans;
    for (key, port, span, proxy) in [
        ("http", &mut ports.servlet_http, http, &mut deployment.proxy_ports.http),
        ("https", &mut ports.servlet_https, https, &mut deployment.proxy_ports.https),
    ] {
        let Some(mut connector) = transport.table(key, findings) else { continue };
        if let Some(properties) = connector.table("properties", findings) {
            read_connector(source, properties, port, span, proxy, findings);
        }
        let harmless = ["properties", "sslHostConfig", "enabled"];
        for unknown in connector.unknown().filter(|unknown| !harmless.contains(&unknown.key)) {
            let finding = ignored(source, &connector, &unknown, harmless);
            findings.push(if CONNECTOR.contains(&unknown.key) {
                finding.help(format!("write `properties.{}`", unknown.key))
            } else {
                finding
            });
        }
    }
    for (key, port, span) in [
        ("passthru_http", &mut ports.pass_through_http, pass_http),
        ("passthru_https", &mut ports.pass_through_https, pass_https),
    ] {
        let Some(mut pass_through) = transport.table(key, findings) else { continue };
        let listener = pass_through.table("listener", findings);
        if let Some(mut parameters) = listener.and_then(|mut table| table.table("parameters", findings)) {
            if let Some(found) = parameters.port("port", findings) {
                (*port, *span) = (*found.get_ref(), Some(found.span()));
            }
            if parameters.has("bind-address") {
                findings.push(parameters.about("bind-address", "`bind-address` is not modelled"));
            }
        }
        let harmless = ["listener", "sender"];
        for unknown in pass_through.unknown().filter(|unknown| !harmless.contains(&unknown.key)) {
            findings.push(ignored(source, &pass_through, &unknown, harmless));
        }
    }
    let harmless = [
        "http",
        "https",
        "passthru_http",
        "passthru_https",
        "vfs",
        "mail",
        "jms",
        "local",
        "ws",
        "wss",
        "ws_listener",
        "wss_listener",
        "msgstore",
        "blocking",
        "receiver",
        "sender",
        "builtin",
    ];
    for unknown in transport.unknown().filter(|unknown| !harmless.contains(&unknown.key)) {
        findings.push(ignored(source, &transport, &unknown, harmless));
    }
}

fn read_connector(
    source: &Source,
    mut properties: Table<'_>,
    port: &mut u16,
    span: &mut Option<Range<usize>>,
    proxy: &mut Option<u16>,
    findings: &mut Findings,
) {
    if let Some(found) = properties.port("port", findings) {
        (*port, *span) = (*found.get_ref(), Some(found.span()));
    }
    *proxy = properties.port("proxyPort", findings).map(Spanned::into_inner);
    for unknown in properties.unknown().filter(|unknown| !CONNECTOR.contains(&unknown.key)) {
        if unknown.key == "address" {
            let message = "a connector that listens on one address only is not modelled";
            findings.push(
                Finding::error(source, unknown.span, message).help("remove the key: it listens on all"),
            );
            continue;
        }
        let message = format!(
            "`{}` becomes an attribute of the connector, which Tomcat does not know and ignores without a word",
            properties.path(unknown.key)
        );
        let finding = Finding::warning(source, unknown.span.clone(), message);
        findings.push(match nearest_of_any_case(unknown.key, CONNECTOR) {
            Some(near) => finding.help(format!("write `properties.{near}`")),
            None => finding,
        });
    }
}

/// Hazelcast is on only with a membership scheme.
fn read_clustering(source: &Source, mut table: Table<'_>, findings: &mut Findings) -> Option<Clustering> {
    let schemes = [("multicast", "multicast"), ("wka", "wka"), ("aws", "aws"), ("kubernetes", "kubernetes")];
    let scheme = table.choice("membership_scheme", &schemes, findings);
    let domain = table.text("domain", findings).map(Spanned::into_inner);
    // A host name is as good as an address here; only an address is of use to the model.
    let host = table.text("local_member_host", findings).and_then(|host| host.get_ref().parse().ok());
    let port = table.port("local_member_port", findings).map(Spanned::into_inner);
    let members = table.texts("members", findings);
    if !table.has("membership_scheme") {
        let message = "clustering stays off: only `membership_scheme` switches it on";
        findings.push(
            Finding::warning(source, table.span(), message)
                .help("add `membership_scheme = \"wka\"`, or remove the table"),
        );
    }
    let harmless = ["enabled", "properties", "parameters", "coordination_type", "enable_sub_domains"];
    for unknown in table.unknown().filter(|unknown| !harmless.contains(&unknown.key)) {
        findings.push(ignored(source, &table, &unknown, table.known().iter().copied()));
    }
    Some(Clustering {
        membership_scheme: scheme?.to_owned(),
        domain: domain.unwrap_or_else(|| "wso2.carbon.domain".to_owned()),
        local_member_host: host,
        local_member_port: port.unwrap_or(4000),
        members,
    })
}

/// The in-built synchroniser of 3.2 and later would be a second way for artifacts to arrive.
fn refuse_synchronizer(source: &Source, mut apim: Table<'_>, findings: &mut Findings) {
    let Some(mut sync) = apim.table("sync_runtime_artifacts", findings) else { return };
    for (key, default) in [("publisher", true), ("gateway", true)] {
        let Some(mut side) = sync.table(key, findings) else { continue };
        if side.boolean("enable", findings).unwrap_or(default) {
            let message =
                format!("`{}` switches on the in-built synchroniser, which is not modelled", sync.path(key));
            let help = "artifacts would arrive by it as well as by rsync; write `enable = false` or remove the table";
            findings.push(Finding::error(source, side.span(), message).help(help));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (Deployment, Findings) {
        let mut findings = Findings::new();
        let deployment = read(&Source::new("deployment.toml", text), &mut findings);
        (deployment, findings)
    }

    #[test]
    fn the_documented_keys_are_read() {
        let (deployment, findings) = parse(
            r#"
            [server]
            hostname = "am.wso2.com"
            node_ip = "10.0.0.21"
            offset = 1
            [transport.http]
            properties.port = 9764
            properties.proxyPort = 80
            [transport.https.properties]
            proxyPort = "443"
            [transport.passthru_https.listener.parameters]
            port = 8244
            [super_admin]
            username = "admin"
            "#,
        );
        assert!(findings.is_empty(), "{findings}");
        assert_eq!(deployment.management_hostname, "am.wso2.com");
        assert_eq!(deployment.offset, 1);
        assert_eq!(deployment.base_ports.all().map(|(_, port)| port), [9764, 9443, 8280, 8244]);
        assert_eq!(deployment.proxy_ports, ProxyPorts { http: Some(80), https: Some(443) });
        assert!(deployment.port_spans[0].is_some() && deployment.port_spans[1].is_none());
        assert!(deployment.clustering.is_none());
    }

    #[test]
    fn a_misspelt_connector_property_is_warned_of_with_the_right_word() {
        let (deployment, findings) =
            parse("[server]\nhostname='a'\n[transport.https]\nproperties.proxyport = 443\n");
        assert_eq!(deployment.proxy_ports.https, None);
        assert!(!findings.has_errors());
        assert!(findings.to_string().contains("write `properties.proxyPort`"), "{findings}");
    }

    #[test]
    fn clustering_is_on_only_with_a_membership_scheme() {
        let (deployment, findings) = parse("[server]\nhostname='a'\n[clustering]\nenabled = true\n");
        assert!(deployment.clustering.is_none() && !findings.has_errors() && !findings.is_empty());
        let (deployment, findings) = parse(
            "[server]\nhostname='a'\n[clustering]\nmembership_scheme = 'wka'\nmembers = ['10.0.0.10:4000']\n",
        );
        assert!(findings.is_empty(), "{findings}");
        assert_eq!(deployment.clustering.unwrap().members, ["10.0.0.10:4000"]);
    }

    #[test]
    fn keys_that_nothing_reads_are_warned_of() {
        for (text, help) in [
            ("[server]\nhostname='a'\nmgt_hostname='b'\n", "mgt_console_hostname"),
            ("[server]\nhostname='a'\nhot_deployment_interval=5\n", "ignored"),
            ("[server]\nhostname='a'\n[transprot.http]\n", "transport"),
            ("[server]\nhostname='a'\n[transport.http]\nport=9763\n", "properties.port"),
            ("[server]\nhost_name='a'\n", "hostname"),
        ] {
            let (_, findings) = parse(text);
            assert!(!findings.has_errors(), "{findings}");
            assert!(findings.to_string().contains(help), "{findings}");
        }
    }

    #[test]
    fn what_would_change_a_run_and_is_not_modelled_is_an_error() {
        for text in [
            "[server]\nhostname = 5\n",
            "[server]\noffset = 99999\n",
            "[server]\nnode_ip = 'manager'\n",
            "[transport.http]\nproperties.port = 0\n",
            "[transport.http]\nproperties.address = '127.0.0.1'\n",
            "[apim.sync_runtime_artifacts.gateway]\ngateway_labels = ['a']\n",
            "[clustering]\nmembership_scheme = 'wkaa'\n",
            "[server\n",
        ] {
            assert!(parse(text).1.has_errors(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|(\\[server\\]|\\[transport.http\\]|hostname|offset|properties.port|[0-9='\" \n.ü])*") {
            for finding in parse(&text).1.iter() {
                prop_assert!(text.get(finding.span.clone()).is_some());
            }
        }
    }
}
