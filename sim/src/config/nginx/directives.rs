//! Which directives nginx knows, where they may stand, and how many arguments they take.
//!
//! Taken from nginx 1.22 with Debian's modules, by asking it about every name in every context; the tests
//! against the real nginx ask it again.

use harness::finding::nearest;

use super::Support;

/// A set of contexts: one bit each.
pub(super) type Contexts = u16;

pub(super) const MAIN: Contexts = 1;
pub(super) const EVENTS: Contexts = 1 << 1;
pub(super) const HTTP: Contexts = 1 << 2;
pub(super) const SERVER: Contexts = 1 << 3;
pub(super) const LOCATION: Contexts = 1 << 4;
pub(super) const UPSTREAM: Contexts = 1 << 5;
const IF_IN_SERVER: Contexts = 1 << 6;
const IF_IN_LOCATION: Contexts = 1 << 7;
const LIMIT_EXCEPT: Contexts = 1 << 8;
const ANYWHERE: Contexts = (1 << 9) - 1;
const HS: Contexts = HTTP | SERVER;
const HSL: Contexts = HS | LOCATION;
/// No limit to the arguments.
const MANY: usize = usize::MAX;

/// A directive that the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: &'static str,
    /// Where it may stand.
    pub(super) contexts: Contexts,
    /// The least and the most arguments.
    pub(super) args: (usize, usize),
    /// Whether it has a block.
    pub(super) block: bool,
}

/// What is known of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// The model reads it.
    Modelled(Known),
    /// It changes nothing that the model looks at.
    NoEffect(Known),
    /// nginx takes it, the model does not.
    NotModelled,
    /// nginx does not know it; the nearest name that it knows.
    Unknown(Option<&'static str>),
}

/// What is known of `name` where it stands.
pub(super) fn look_up(name: &str, context: Contexts) -> Knowledge {
    // `server` means two things.
    let mut modelled = MODELLED.iter().filter(|known| known.name == name).peekable();
    if let Some(first) = modelled.peek().copied() {
        return Knowledge::Modelled(*modelled.find(|known| known.contexts & context != 0).unwrap_or(first));
    }
    if let Some(known) = NO_EFFECT.iter().find(|known| known.name == name) {
        return Knowledge::NoEffect(*known);
    }
    let mut others = NOT_MODELLED.split_ascii_whitespace();
    if others.any(|other| other == name) {
        return Knowledge::NotModelled;
    }
    let here = |known: &&Known| known.contexts & context != 0;
    let names = MODELLED.iter().chain(&NO_EFFECT).filter(here).map(|known| known.name);
    Knowledge::Unknown(nearest(name, names))
}

/// Every name that is known.
pub(super) fn names() -> impl Iterator<Item = (&'static str, Support)> {
    let taken = MODELLED.iter().chain(&NO_EFFECT).map(|known| (known.name, Support::Taken));
    taken.chain(NOT_MODELLED.split_ascii_whitespace().map(|name| (name, Support::Refused)))
}

const fn simple(name: &'static str, contexts: Contexts, least: usize, most: usize) -> Known {
    Known { name, contexts, args: (least, most), block: false }
}

const fn block(name: &'static str, contexts: Contexts, least: usize, most: usize) -> Known {
    Known { name, contexts, args: (least, most), block: true }
}

const MODELLED: [Known; 37] = [
    simple("worker_processes", MAIN, 1, 1),
    block("events", MAIN, 0, 0),
    block("http", MAIN, 0, 0),
    block("upstream", HTTP, 1, 1),
    block("location", SERVER | LOCATION, 1, 2),
    simple("listen", SERVER, 1, MANY),
    simple("server_name", SERVER, 1, MANY),
    simple("return", SERVER | LOCATION | IF_IN_SERVER | IF_IN_LOCATION, 1, 2),
    simple("rewrite", SERVER | LOCATION | IF_IN_SERVER | IF_IN_LOCATION, 2, 3),
    simple("ssl", HS, 1, 1),
    simple("proxy_pass", LOCATION | IF_IN_LOCATION | LIMIT_EXCEPT, 1, 1),
    simple("proxy_set_header", HSL, 2, 2),
    simple("proxy_http_version", HSL, 1, 1),
    simple("proxy_connect_timeout", HSL, 1, 1),
    simple("proxy_send_timeout", HSL, 1, 1),
    simple("proxy_read_timeout", HSL, 1, 1),
    simple("proxy_next_upstream", HSL, 1, MANY),
    simple("proxy_next_upstream_tries", HSL, 1, 1),
    simple("proxy_next_upstream_timeout", HSL, 1, 1),
    simple("proxy_buffering", HSL, 1, 1),
    simple("proxy_request_buffering", HSL, 1, 1),
    simple("client_body_timeout", HSL, 1, 1),
    simple("client_header_timeout", HS, 1, 1),
    simple("client_max_body_size", HSL, 1, 1),
    simple("keepalive_requests", HTTP | SERVER | LOCATION | UPSTREAM, 1, 1),
    simple("keepalive_time", HTTP | SERVER | LOCATION | UPSTREAM, 1, 1),
    simple("keepalive_timeout", HTTP | SERVER | LOCATION | UPSTREAM, 1, 2),
    simple("proxy_ignore_client_abort", HSL, 1, 1),
    simple("ip_hash", UPSTREAM, 0, 0),
    simple("least_conn", UPSTREAM, 0, 0),
    simple("keepalive", UPSTREAM, 1, 1),
    simple("zone", UPSTREAM, 1, 2),
    simple("ssl_certificate", HS, 1, 1),
    simple("ssl_certificate_key", HS, 1, 1),
    block("server", HTTP, 0, 0),
    simple("server", UPSTREAM, 1, MANY),
    simple("include", ANYWHERE, 1, 1),
];

const NO_EFFECT: [Known; 116] = [
    simple("absolute_redirect", HSL, 1, 1),
    simple("accept_mutex", EVENTS, 1, 1),
    simple("accept_mutex_delay", EVENTS, 1, 1),
    simple("access_log", HTTP | SERVER | LOCATION | IF_IN_LOCATION | LIMIT_EXCEPT, 1, MANY),
    simple("add_header", HTTP | SERVER | LOCATION | IF_IN_LOCATION, 2, 3),
    simple("charset", HTTP | SERVER | LOCATION | IF_IN_LOCATION, 1, 1),
    simple("chunked_transfer_encoding", HSL, 1, 1),
    simple("client_body_buffer_size", HSL, 1, 1),
    simple("client_body_in_single_buffer", HSL, 1, 1),
    simple("client_body_temp_path", HSL, 1, 4),
    simple("client_header_buffer_size", HS, 1, 1),
    simple("connection_pool_size", HS, 1, 1),
    simple("daemon", MAIN, 1, 1),
    simple("debug_connection", EVENTS, 1, 1),
    simple("default_type", HSL, 1, 1),
    simple("env", MAIN, 1, 1),
    simple("error_log", MAIN | HTTP | SERVER | LOCATION, 1, MANY),
    simple("etag", HSL, 1, 1),
    simple("gzip", HTTP | SERVER | LOCATION | IF_IN_LOCATION, 1, 1),
    simple("gzip_buffers", HSL, 2, 2),
    simple("gzip_comp_level", HSL, 1, 1),
    simple("gzip_disable", HSL, 1, MANY),
    simple("gzip_http_version", HSL, 1, 1),
    simple("gzip_min_length", HSL, 1, 1),
    simple("gzip_proxied", HSL, 1, MANY),
    simple("gzip_static", HSL, 1, 1),
    simple("gzip_types", HSL, 1, MANY),
    simple("gzip_vary", HSL, 1, 1),
    simple("http2_max_concurrent_streams", HS, 1, 1),
    simple("ignore_invalid_headers", HS, 1, 1),
    simple("index", HSL, 1, MANY),
    simple("large_client_header_buffers", HS, 2, 2),
    simple("lingering_close", HSL, 1, 1),
    simple("lingering_time", HSL, 1, 1),
    simple("lingering_timeout", HSL, 1, 1),
    simple("lock_file", MAIN, 1, 1),
    simple("log_format", HTTP, 2, MANY),
    simple("log_not_found", HSL, 1, 1),
    simple("master_process", MAIN, 1, 1),
    simple("multi_accept", EVENTS, 1, 1),
    simple("open_file_cache", HSL, 1, 2),
    simple("open_file_cache_errors", HSL, 1, 1),
    simple("open_file_cache_min_uses", HSL, 1, 1),
    simple("open_file_cache_valid", HSL, 1, 1),
    simple("open_log_file_cache", HSL, 1, 4),
    simple("output_buffers", HSL, 2, 2),
    simple("pcre_jit", MAIN, 1, 1),
    simple("pid", MAIN, 1, 1),
    simple("port_in_redirect", HSL, 1, 1),
    simple("postpone_output", HSL, 1, 1),
    simple("proxy_buffer_size", HSL, 1, 1),
    simple("proxy_buffers", HSL, 2, 2),
    simple("proxy_busy_buffers_size", HSL, 1, 1),
    simple("proxy_headers_hash_bucket_size", HSL, 1, 1),
    simple("proxy_headers_hash_max_size", HSL, 1, 1),
    simple("proxy_hide_header", HSL, 1, 1),
    simple("proxy_max_temp_file_size", HSL, 1, 1),
    simple("proxy_pass_header", HSL, 1, 1),
    simple("proxy_redirect", HSL, 1, 2),
    simple("proxy_socket_keepalive", HSL, 1, 1),
    simple("proxy_ssl_certificate", HSL, 1, 1),
    simple("proxy_ssl_certificate_key", HSL, 1, 1),
    simple("proxy_ssl_ciphers", HSL, 1, 1),
    simple("proxy_ssl_name", HSL, 1, 1),
    simple("proxy_ssl_protocols", HSL, 1, MANY),
    simple("proxy_ssl_server_name", HSL, 1, 1),
    simple("proxy_ssl_session_reuse", HSL, 1, 1),
    simple("proxy_ssl_trusted_certificate", HSL, 1, 1),
    simple("proxy_ssl_verify", HSL, 1, 1),
    simple("proxy_ssl_verify_depth", HSL, 1, 1),
    simple("proxy_temp_file_write_size", HSL, 1, 1),
    simple("proxy_temp_path", HSL, 1, 4),
    simple("request_pool_size", HS, 1, 1),
    simple("reset_timedout_connection", HSL, 1, 1),
    simple("rewrite_log", HTTP | SERVER | LOCATION | IF_IN_SERVER | IF_IN_LOCATION, 1, 1),
    simple("root", HTTP | SERVER | LOCATION | IF_IN_LOCATION, 1, 1),
    simple("send_timeout", HSL, 1, 1),
    simple("sendfile", HTTP | SERVER | LOCATION | IF_IN_LOCATION, 1, 1),
    simple("sendfile_max_chunk", HSL, 1, 1),
    simple("server_name_in_redirect", HSL, 1, 1),
    simple("server_names_hash_bucket_size", HTTP, 1, 1),
    simple("server_names_hash_max_size", HTTP, 1, 1),
    simple("server_tokens", HSL, 1, 1),
    simple("ssl_buffer_size", HS, 1, 1),
    simple("ssl_ciphers", HS, 1, 1),
    simple("ssl_conf_command", HS, 2, 2),
    simple("ssl_dhparam", HS, 1, 1),
    simple("ssl_early_data", HS, 1, 1),
    simple("ssl_ecdh_curve", HS, 1, 1),
    simple("ssl_password_file", HS, 1, 1),
    simple("ssl_prefer_server_ciphers", HS, 1, 1),
    simple("ssl_protocols", HS, 1, MANY),
    simple("ssl_session_cache", HS, 1, 2),
    simple("ssl_session_tickets", HS, 1, 1),
    simple("ssl_session_timeout", HS, 1, 1),
    simple("ssl_stapling", HS, 1, 1),
    simple("ssl_stapling_verify", HS, 1, 1),
    simple("ssl_trusted_certificate", HS, 1, 1),
    simple("tcp_nodelay", HSL, 1, 1),
    simple("tcp_nopush", HSL, 1, 1),
    simple("thread_pool", MAIN, 2, 3),
    simple("timer_resolution", MAIN, 1, 1),
    block("types", HSL, 0, 0),
    simple("types_hash_bucket_size", HSL, 1, 1),
    simple("types_hash_max_size", HSL, 1, 1),
    simple("underscores_in_headers", HS, 1, 1),
    simple("use", EVENTS, 1, 1),
    simple("user", MAIN, 1, 2),
    simple("variables_hash_bucket_size", HTTP, 1, 1),
    simple("variables_hash_max_size", HTTP, 1, 1),
    simple("worker_connections", EVENTS, 1, 1),
    simple("worker_cpu_affinity", MAIN, 1, MANY),
    simple("worker_priority", MAIN, 1, 1),
    simple("worker_rlimit_nofile", MAIN, 1, 1),
    simple("worker_shutdown_timeout", MAIN, 1, 1),
    simple("working_directory", MAIN, 1, 1),
];

/// Names that nginx knows and the model does not.
const NOT_MODELLED: &str = "
    add_after_body add_before_body add_trailer addition_types aio aio_write alias allow ancient_browser
    ancient_browser_value auth_basic auth_basic_user_file auth_delay auth_request auth_request_set
    autoindex autoindex_exact_size autoindex_format autoindex_localtime break charset_map charset_types
    client_body_in_file_only create_full_put_path dav_access dav_methods debug_points deny directio
    directio_alignment disable_symlinks empty_gif epoll_events error_page expires fastcgi_bind
    fastcgi_buffer_size fastcgi_buffering fastcgi_buffers fastcgi_busy_buffers_size fastcgi_cache
    fastcgi_cache_background_update fastcgi_cache_bypass fastcgi_cache_key fastcgi_cache_lock
    fastcgi_cache_lock_age fastcgi_cache_lock_timeout fastcgi_cache_max_range_offset
    fastcgi_cache_methods fastcgi_cache_min_uses fastcgi_cache_path fastcgi_cache_revalidate
    fastcgi_cache_use_stale fastcgi_cache_valid fastcgi_catch_stderr fastcgi_connect_timeout
    fastcgi_force_ranges fastcgi_hide_header fastcgi_ignore_client_abort fastcgi_ignore_headers
    fastcgi_index fastcgi_intercept_errors fastcgi_keep_conn fastcgi_limit_rate
    fastcgi_max_temp_file_size fastcgi_next_upstream fastcgi_next_upstream_timeout
    fastcgi_next_upstream_tries fastcgi_no_cache fastcgi_param fastcgi_pass fastcgi_pass_header
    fastcgi_pass_request_body fastcgi_pass_request_headers fastcgi_read_timeout
    fastcgi_request_buffering fastcgi_send_lowat fastcgi_send_timeout fastcgi_socket_keepalive
    fastcgi_split_path_info fastcgi_store fastcgi_store_access fastcgi_temp_file_write_size
    fastcgi_temp_path flv geo grpc_bind grpc_buffer_size grpc_connect_timeout grpc_hide_header
    grpc_ignore_headers grpc_intercept_errors grpc_next_upstream grpc_next_upstream_timeout
    grpc_next_upstream_tries grpc_pass grpc_pass_header grpc_read_timeout grpc_send_timeout
    grpc_set_header grpc_socket_keepalive grpc_ssl_certificate grpc_ssl_certificate_key grpc_ssl_ciphers
    grpc_ssl_conf_command grpc_ssl_crl grpc_ssl_name grpc_ssl_password_file grpc_ssl_protocols
    grpc_ssl_server_name grpc_ssl_session_reuse grpc_ssl_trusted_certificate grpc_ssl_verify
    grpc_ssl_verify_depth gunzip gunzip_buffers gzip_hash gzip_no_buffer gzip_window hash
    http2_body_preread_size http2_chunk_size http2_idle_timeout http2_max_concurrent_pushes
    http2_max_field_size http2_max_header_size http2_max_requests http2_pool_size http2_push
    http2_push_preload http2_recv_buffer_size http2_recv_timeout http2_streams_index_size if
    if_modified_since internal keepalive_disable limit_conn limit_conn_dry_run limit_conn_log_level
    limit_conn_status limit_conn_zone limit_except limit_rate limit_rate_after limit_req
    limit_req_dry_run limit_req_log_level limit_req_status limit_req_zone load_module log_subrequest map
    map_hash_bucket_size map_hash_max_size max_headers max_ranges memcached_bind memcached_buffer_size
    memcached_connect_timeout memcached_gzip_flag memcached_next_upstream
    memcached_next_upstream_timeout memcached_next_upstream_tries memcached_pass memcached_read_timeout
    memcached_send_timeout memcached_socket_keepalive merge_slashes min_delete_depth mirror
    mirror_request_body modern_browser modern_browser_value mp4 mp4_buffer_size mp4_max_buffer_size
    mp4_start_key_frame msie_padding msie_refresh open_file_cache_events override_charset post_action
    postpone_gzipping proxy_bind proxy_cache proxy_cache_background_update proxy_cache_bypass
    proxy_cache_convert_head proxy_cache_key proxy_cache_lock proxy_cache_lock_age
    proxy_cache_lock_timeout proxy_cache_max_range_offset proxy_cache_methods proxy_cache_min_uses
    proxy_cache_path proxy_cache_revalidate proxy_cache_use_stale proxy_cache_valid proxy_cookie_domain
    proxy_cookie_flags proxy_cookie_path proxy_force_ranges proxy_ignore_headers proxy_intercept_errors
    proxy_limit_rate proxy_method proxy_no_cache proxy_pass_request_body proxy_pass_request_headers
    proxy_send_lowat proxy_set_body proxy_ssl_conf_command proxy_ssl_crl proxy_ssl_password_file
    proxy_store proxy_store_access random random_index read_ahead real_ip_header real_ip_recursive
    recursive_error_pages referer_hash_bucket_size referer_hash_max_size resolver resolver_timeout
    satisfy scgi_bind scgi_buffer_size scgi_buffering scgi_buffers scgi_busy_buffers_size scgi_cache
    scgi_cache_background_update scgi_cache_bypass scgi_cache_key scgi_cache_lock scgi_cache_lock_age
    scgi_cache_lock_timeout scgi_cache_max_range_offset scgi_cache_methods scgi_cache_min_uses
    scgi_cache_path scgi_cache_revalidate scgi_cache_use_stale scgi_cache_valid scgi_connect_timeout
    scgi_force_ranges scgi_hide_header scgi_ignore_client_abort scgi_ignore_headers
    scgi_intercept_errors scgi_limit_rate scgi_max_temp_file_size scgi_next_upstream
    scgi_next_upstream_timeout scgi_next_upstream_tries scgi_no_cache scgi_param scgi_pass
    scgi_pass_header scgi_pass_request_body scgi_pass_request_headers scgi_read_timeout
    scgi_request_buffering scgi_send_timeout scgi_socket_keepalive scgi_store scgi_store_access
    scgi_temp_file_write_size scgi_temp_path secure_link secure_link_md5 secure_link_secret send_lowat
    set set_real_ip_from slice source_charset split_clients ssi ssi_ignore_recycled_buffers
    ssi_last_modified ssi_min_file_chunk ssi_silent_errors ssi_types ssi_value_length
    ssl_client_certificate ssl_crl ssl_engine ssl_ocsp ssl_ocsp_cache ssl_ocsp_responder
    ssl_reject_handshake ssl_session_ticket_key ssl_stapling_file ssl_stapling_responder
    ssl_verify_client ssl_verify_depth stub_status sub_filter sub_filter_last_modified sub_filter_once
    sub_filter_types subrequest_output_buffer_size try_files uninitialized_variable_warn userid
    userid_domain userid_expires userid_flags userid_mark userid_name userid_p3p userid_path
    userid_service uwsgi_bind uwsgi_buffer_size uwsgi_buffering uwsgi_buffers uwsgi_busy_buffers_size
    uwsgi_cache uwsgi_cache_background_update uwsgi_cache_bypass uwsgi_cache_key uwsgi_cache_lock
    uwsgi_cache_lock_age uwsgi_cache_lock_timeout uwsgi_cache_max_range_offset uwsgi_cache_methods
    uwsgi_cache_min_uses uwsgi_cache_path uwsgi_cache_revalidate uwsgi_cache_use_stale uwsgi_cache_valid
    uwsgi_connect_timeout uwsgi_force_ranges uwsgi_hide_header uwsgi_ignore_client_abort
    uwsgi_ignore_headers uwsgi_intercept_errors uwsgi_limit_rate uwsgi_max_temp_file_size
    uwsgi_modifier1 uwsgi_modifier2 uwsgi_next_upstream uwsgi_next_upstream_timeout
    uwsgi_next_upstream_tries uwsgi_no_cache uwsgi_param uwsgi_pass uwsgi_pass_header
    uwsgi_pass_request_body uwsgi_pass_request_headers uwsgi_read_timeout uwsgi_request_buffering
    uwsgi_send_timeout uwsgi_socket_keepalive uwsgi_ssl_certificate uwsgi_ssl_certificate_key
    uwsgi_ssl_ciphers uwsgi_ssl_conf_command uwsgi_ssl_crl uwsgi_ssl_name uwsgi_ssl_password_file
    uwsgi_ssl_protocols uwsgi_ssl_server_name uwsgi_ssl_session_reuse uwsgi_ssl_trusted_certificate
    uwsgi_ssl_verify uwsgi_ssl_verify_depth uwsgi_store uwsgi_store_access uwsgi_string
    uwsgi_temp_file_write_size uwsgi_temp_path valid_referers worker_aio_requests worker_rlimit_core
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_modelled_without_effect_not_modelled_or_unknown() {
        assert!(matches!(look_up("server", UPSTREAM), Knowledge::Modelled(known) if !known.block));
        assert!(matches!(look_up("server", HTTP), Knowledge::Modelled(known) if known.block));
        assert!(matches!(look_up("gzip", HTTP), Knowledge::NoEffect(_)));
        assert_eq!(look_up("proxy_cache", HTTP), Knowledge::NotModelled);
        assert_eq!(look_up("proxy_pas", LOCATION), Knowledge::Unknown(Some("proxy_pass")));
    }

    #[test]
    fn no_name_stands_in_two_tables() {
        let mut names: Vec<&str> = MODELLED.iter().chain(&NO_EFFECT).map(|known| known.name).collect();
        names.extend(NOT_MODELLED.split_ascii_whitespace());
        names.sort_unstable();
        let doubled: Vec<_> =
            names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        assert_eq!(doubled, ["server"]);
    }
}
