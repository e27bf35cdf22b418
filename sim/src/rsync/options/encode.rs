//! The options as they go from the client to the server.

use std::cell::RefCell;
use std::sync::LazyLock;

use super::Options;

impl Options {
    /// The options as the client tells them to the server: only what differs from the defaults.
    pub fn encode(&self) -> Vec<u8> {
        type Values = serde_json::Map<String, serde_json::Value>;
        fn values(options: &Options) -> Values {
            match serde_json::to_value(options) {
                Ok(serde_json::Value::Object(map)) => map,
                _ => unreachable!("options are a map of plain values"),
            }
        }
        static DEFAULTS: LazyLock<Values> = LazyLock::new(|| values(&Options::default()));
        thread_local! {
            /// A sync has the same ones each minute: the last are kept, with what was made of them.
            static LAST: RefCell<Option<(Options, Vec<u8>)>> = const { RefCell::new(None) };
        }
        LAST.with_borrow_mut(|last| match last {
            Some((options, bytes)) if options == self => bytes.clone(),
            _ => {
                let mut mine = values(self);
                mine.retain(|key, value| DEFAULTS.get(key) != Some(value));
                let bytes = serde_json::Value::Object(mine).to_string().into_bytes();
                *last = Some((self.clone(), bytes.clone()));
                bytes
            }
        })
    }

    /// The options that [`Options::encode`] made.
    ///
    /// # Errors
    /// When the bytes are not what it makes.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
