//! The fields of a head, as they came.

use bytes::Bytes;

/// The fields of a head. Names and values stay in the bytes in which they came: most are only passed on.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    bytes: Bytes,
    places: Vec<Place>,
}

/// Where a field stands in the bytes.
#[derive(Debug, Clone, Copy)]
struct Place {
    name: (u32, u32),
    value: (u32, u32),
}

impl Fields {
    /// Fields in `bytes`, which must hold the names and values themselves.
    pub(super) fn new<'a>(
        bytes: &'a Bytes,
        fields: impl ExactSizeIterator<Item = &'a httparse::Header<'a>>,
    ) -> Self {
        let place = |text: &[u8]| {
            if text.is_empty() {
                return (0, 0);
            }
            let start = text.as_ptr().addr() - bytes.as_ptr().addr();
            (narrow(start), narrow(start + text.len()))
        };
        let places =
            fields.map(|field| Place { name: place(field.name.as_bytes()), value: place(field.value) });
        Self { places: places.collect(), bytes: bytes.clone() }
    }

    /// All fields in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|place| (self.at(place.name), self.at(place.value)))
    }

    /// The values of all fields of a name, which is in lower case.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The first value of a name, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.all(name).next()?).ok()
    }

    fn at(&self, (start, end): (u32, u32)) -> &[u8] {
        &self.bytes[start as usize..end as usize]
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Fields {
    /// As if they had come: names and values must be fit for a head.
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(fields: T) -> Self {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for (name, value) in fields {
            let mut add = |text: &str| {
                let start = narrow(bytes.len());
                bytes.extend_from_slice(text.as_bytes());
                (start, narrow(bytes.len()))
            };
            places.push(Place { name: add(name), value: add(value) });
        }
        Self { bytes: bytes.into(), places }
    }
}

fn narrow(place: usize) -> u32 {
    u32::try_from(place).expect("a head is not longer than its buffer")
}
