//! Numbers and sizes as options take them.

/// A whole number, as popt reads it.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok();
    }
    text.parse::<i32>().ok().map(i64::from)
}

/// A size as `--bwlimit` and `--block-size` take it: digits with a fraction, a unit, and perhaps `+1` or `-1`.
pub(super) fn size(text: &[u8], default_unit: u64) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let (unit, rest) =
        text[digits..].split_at(text[digits..].find(['+', '-']).unwrap_or(text.len() - digits));
    let lower = unit.to_ascii_lowercase();
    let power = match lower.chars().next() {
        None => 0,
        Some('b') => 0,
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        Some(_) => return None,
    };
    let base: f64 = match lower.get(1..).unwrap_or("") {
        "" if power > 0 || lower.is_empty() || lower == "b" => 1024.0,
        "ib" if power > 0 => 1024.0,
        "b" if power > 0 => 1000.0,
        _ => return None,
    };
    let scale = if lower.is_empty() { default_unit as f64 } else { base.powi(power) };
    let bytes = number * scale;
    let bytes = match rest {
        "" => bytes,
        "+1" => bytes + 1.0,
        "-1" => bytes - 1.0,
        _ => return None,
    };
    (0.0..9e18).contains(&bytes).then_some(bytes as u64)
}
