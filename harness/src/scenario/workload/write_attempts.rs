//! Somebody tries to change workers directly, past the manager, by every route that a worker might offer.

use std::time::Duration;

use super::{Kind, Work};
use crate::finding::did_you_mean;
use crate::table::Table;
use crate::trace::event::WriteRoute;

pub(super) const KIND: Kind = Kind {
    name: "write-attempts",
    doc: "somebody tries to change each worker in turn directly, by each route in turn",
    keys: &[
        ("workers", "their names; all, if it is left out"),
        (
            "routes",
            "of management-api, admin-service, publisher, developer-portal, console; all, if it is left out",
        ),
    ],
    timeout: Duration::from_secs(30),
    ends_before_settling: true,
    read: |table| {
        let workers = table.texts("workers").unwrap_or_default();
        Some(Work::WriteAttempts { workers, routes: routes(table) })
    },
};

fn routes(table: &Table<'_>) -> Vec<WriteRoute> {
    let Some(texts) = table.texts("routes") else { return WriteRoute::ALL.to_vec() };
    let mut routes = Vec::new();
    for text in texts {
        match WriteRoute::ALL.into_iter().find(|route| route.name() == text.value) {
            Some(route) => routes.push(route),
            None => {
                let help = did_you_mean(&text.value, &WriteRoute::ALL.map(WriteRoute::name));
                table.reader.error(text.span, format!("unknown route `{}`", text.value), help);
            }
        }
    }
    routes
}
