//! Shell patterns as rsync's filter rules use them: `*` and `?` stop at a slash, `**` does not, `[...]` is a set.

/// Whether the whole text fits the pattern.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Where to go on when what follows the last star does not fit: (pattern, text, may the star take a slash).
    // An inner star can be given up once an outer `**` is met again, so both are kept.
    let mut star: Option<(usize, usize)> = None;
    let mut double: Option<(usize, usize)> = None;
    let (mut p, mut t) = (0, 0);
    loop {
        let step = match pattern.get(p) {
            None if t == text.len() => return true,
            None => None,
            Some(b'*') => {
                let stars = pattern[p..].iter().take_while(|&&byte| byte == b'*').count();
                p += stars;
                if stars > 1 {
                    double = Some((p, t));
                    star = None;
                } else {
                    star = Some((p, t));
                }
                continue;
            }
            Some(b'?') => text.get(t).filter(|&&byte| byte != b'/').map(|_| 1),
            Some(b'[') => {
                text.get(t).filter(|&&byte| byte != b'/').and_then(|&byte| set(&pattern[p..], byte))
            }
            Some(b'\\') if p + 1 < pattern.len() => {
                text.get(t).filter(|&&byte| byte == pattern[p + 1]).map(|_| 2)
            }
            Some(&literal) => text.get(t).filter(|&&byte| byte == literal).map(|_| 1),
        };
        if let Some(width) = step {
            p += width;
            t += 1;
            continue;
        }
        if let Some((after, from)) = star
            && text.get(from).is_some_and(|&byte| byte != b'/')
        {
            (p, t) = (after, from + 1);
            star = Some((after, from + 1));
            continue;
        }
        let Some((after, from)) = double.filter(|&(_, from)| from < text.len()) else { return false };
        (p, t) = (after, from + 1);
        double = Some((after, from + 1));
        star = None;
    }
}

/// How many bytes of the pattern the set takes, when it holds `byte`; a set that does not end matches nothing.
fn set(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let mut at = first;
    let mut found = false;
    let mut previous: Option<u8> = None;
    loop {
        let mut low = *pattern.get(at)?;
        if low == b']' && at > first {
            return (found != negated).then_some(at + 1);
        }
        if low == b'[' && pattern.get(at + 1) == Some(&b':') {
            let end = pattern[at + 2..].windows(2).position(|pair| pair == b":]")?;
            found |= class(&pattern[at + 2..at + 2 + end], byte)?;
            at += end + 4;
            previous = None;
            continue;
        }
        if low == b'-'
            && let Some(from) = previous
            && pattern.get(at + 1).is_some_and(|&next| next != b']')
        {
            let mut to = pattern[at + 1];
            at += 2;
            if to == b'\\' {
                to = *pattern.get(at)?;
                at += 1;
            }
            found |= (from..=to).contains(&byte);
            previous = None;
            continue;
        }
        if low == b'\\' {
            at += 1;
            low = *pattern.get(at)?;
        }
        found |= low == byte;
        previous = Some(low);
        at += 1;
    }
}

fn class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}
