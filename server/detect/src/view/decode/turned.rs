//! Keys under a cipher: written from the end, or with every letter moved by thirteen places. Nothing around a key says
//! so, but the mark that its provider puts before it does.

use std::ops::Range;

use super::Writer;

/// Reads the runs that end in the mark of a key written from the end.
pub(super) fn reversed(text: &str, runs: &[Range<usize>]) -> Option<Writer> {
    read(text, runs, |run| {
        let last = run.iter().rev();
        MARKS.iter().any(|mark| mark.bytes().eq(last.clone().take(mark.len()).copied()))
    })
    .map(|pieces| {
        let mut writer = Writer::default();
        for (start, piece) in pieces {
            parted(&mut writer, start);
            writer.replace(&piece.chars().rev().collect::<String>(), start, start + piece.len());
        }
        writer
    })
}

/// Reads the runs that begin with the mark of a key of which every letter is moved.
pub(super) fn rot13(text: &str, runs: &[Range<usize>]) -> Option<Writer> {
    read(text, runs, |run| {
        let moved = run.iter().copied().map(moved);
        MARKS.iter().any(|mark| mark.bytes().eq(moved.clone().take(mark.len())))
    })
    .map(|pieces| {
        let mut writer = Writer::default();
        for (start, piece) in pieces {
            parted(&mut writer, start);
            writer.copy(&piece.bytes().map(|byte| char::from(moved(byte))).collect::<String>(), start);
        }
        writer
    })
}

/// Takes the runs that `speaks` is true of.
fn read<'t>(
    text: &'t str,
    runs: &[Range<usize>],
    speaks: impl Fn(&[u8]) -> bool,
) -> Option<Vec<(usize, &'t str)>> {
    let bytes = text.as_bytes();
    let marked = runs.iter().filter(|run| bytes.get((*run).clone()).is_some_and(&speaks));
    let pieces: Vec<(usize, &str)> =
        marked.filter_map(|run| Some((run.start, text.get(run.clone())?))).collect();
    (!pieces.is_empty()).then_some(pieces)
}

fn parted(writer: &mut Writer, start: usize) {
    if !writer.text().is_empty() {
        writer.break_line(start);
    }
}

fn moved(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => b'a' + (byte - b'a' + 13) % 26,
        b'A'..=b'Z' => b'A' + (byte - b'A' + 13) % 26,
        _ => byte,
    }
}

/// What the providers of `rules/secrets` put before their keys. A wrong guess costs a view of one run.
static MARKS: [&str; 48] = [
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "whsec_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "AKIA",
    "ASIA",
    "AIza",
    "AQ.Ab8",
    "sk-proj-",
    "sk-ant-",
    "sk-or-v1-",
    "sk-",
    "hf_",
    "gsk_",
    "xai-",
    "pplx-",
    "nvapi-",
    "r8_",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "npm_",
    "pypi-",
    "shpat_",
    "dapi",
    "dop_v1_",
    "hvs",
    "GOCSPX-",
    "lin_api_",
    "ntn_",
    "SG",
    "rubygems_",
    "sbp_",
    "figd_",
    "pcsk_",
    "ATATT3x",
    "dckr_pat_",
    "eyJhbGci",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::decode::runs;

    fn text(decode: fn(&str, &[Range<usize>]) -> Option<Writer>, text: &str) -> Option<String> {
        decode(text, &runs::find(text.as_bytes()).base64).map(|writer| writer.finish().0)
    }

    #[test]
    fn keys() {
        let key = format!("{}_{}", "sk_live", "51HqLyjWDarjtT1zdp7dcVq2");
        let turned: String = key.chars().rev().collect();
        assert_eq!(text(reversed, &format!("see {turned}, please")).unwrap(), key);
        let moved: String = key.bytes().map(|byte| char::from(moved(byte))).collect();
        assert_eq!(text(rot13, &format!("k={moved}")).unwrap(), key);
    }

    #[test]
    fn other_runs() {
        for other in [
            "9fceb02d0ae598e95dc970b74767f19372d61af8",
            "a_list_of_many_longer_names_1",
            "AAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!((text(reversed, other), text(rot13, other)), (None, None), "{other}");
        }
    }
}
