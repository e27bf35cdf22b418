//! `[content]`: how much is deployed on every gateway when the run begins.

use crate::plan::{APIS_MAX, Content, TENANTS_MAX};
use crate::table::Table;

/// Reads the table of a scenario; what is left out is nothing.
pub(super) fn read(top: &Table<'_>) -> Content {
    let Some(table) = top.table("content") else { return Content::default() };
    let number = |key: &'static str, most: u64| {
        let number = table.number(key)?;
        if number.value > most {
            table.reader.error(number.span, format!("`{key}` is too large"), format!("at most {most}"));
            return None;
        }
        u32::try_from(number.value).ok()
    };
    let apis = number("apis", APIS_MAX).unwrap_or_default();
    let tenants = number("tenants", TENANTS_MAX).unwrap_or_default();
    let each = number("apis_per_tenant", APIS_MAX);
    if let (Some(_), 0, Some(span)) = (each, tenants, table.key_span("apis_per_tenant")) {
        table.reader.error(span, "there are no tenants to have APIs", "write `tenants = 3` beside it");
    }
    let apis_per_tenant = if tenants == 0 { 0 } else { each.unwrap_or(10) };
    let content = Content { apis, tenants, apis_per_tenant };
    if content.apis_in_all() > APIS_MAX {
        let message = format!("{} APIs are too many for one gateway", content.apis_in_all());
        table.reader.error(table.span.clone(), message, format!("at most {APIS_MAX} with those of tenants"));
    }
    table.finish();
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Source;
    use crate::scenario::Scenario;

    fn read(table: &str) -> (Content, Vec<(String, String)>) {
        let text = format!("title = 't'\ncluster = 'c'\n{table}\n[phases]\ndisturb = '1m'\n");
        let source = Source::new("a.toml", text);
        let (scenario, findings) = Scenario::parse(&source);
        let shown = findings.iter().map(|one| (source.text[one.span.clone()].to_owned(), one.help.clone()));
        (scenario.content, shown.collect())
    }

    #[test]
    fn content_is_nothing_unless_it_is_said() {
        assert_eq!(read(""), (Content::default(), vec![]));
        let expected = Content { apis: 5000, tenants: 3, apis_per_tenant: 10 };
        assert_eq!(read("[content]\napis = 5000\ntenants = 3"), (expected, vec![]));
    }

    #[test]
    fn what_no_gateway_holds_is_a_mistake() {
        for (table, help) in [
            ("apis = 20001", "at most 20000"),
            ("apis = -1", "a whole number"),
            ("apis = 'many'", "a whole number"),
            ("tenants = 2001", "at most 2000"),
            ("apis_per_tenant = 5", "tenants = 3"),
            ("tenants = 2000\napis_per_tenant = 11", "with those of tenants"),
            ("api = 5", "write `apis`"),
        ] {
            let (_, wrong) = read(&format!("[content]\n{table}"));
            assert!(wrong.len() == 1 && wrong[0].1.contains(help), "{table}: {wrong:?}");
        }
    }
}
