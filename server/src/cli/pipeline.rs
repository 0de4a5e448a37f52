//! Lines in, lines out, in order, worked on by several threads.
//!
//! A reader hands each line to the workers and its (empty) place to the writer, which fills the places in order. Both
//! queues are bounded, so memory is too, and a line that waits for input never holds back those before it.

use std::{
    io::{self, BufRead, Read as _, Write},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// The longest line, in bytes.
pub(crate) const MAX_LINE_BYTES: u64 = 64 << 20;

/// Places between the reader and the writer for each worker.
const PLACES_PER_WORKER: usize = 64;

/// A line of input.
pub(crate) enum Line {
    /// The line without its end.
    Whole(Vec<u8>),
    /// The line was longer than [`MAX_LINE_BYTES`]; it was skipped.
    TooLong,
}

type Place = SyncSender<Vec<u8>>;

/// Writes what `work` makes of each line of `input` (its number, from 1, and the line) to `output`, each followed by a
/// line feed. `advanced` hears how many bytes of input a written line stood for.
///
/// # Errors
///
/// The first failure to read or to write.
pub(crate) fn run<W>(
    input: impl BufRead + Send,
    mut output: impl Write,
    workers: usize,
    work: W,
    advanced: impl Fn(u64),
) -> io::Result<()>
where
    W: Fn(usize, Line) -> Vec<u8> + Sync,
{
    let (lines, queue) = sync_channel::<(usize, Line, Place)>(workers * 2);
    let (places, order) = sync_channel::<(u64, Receiver<Vec<u8>>)>(workers * PLACES_PER_WORKER);
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        let reader = scope.spawn(move || read(input, &lines, &places));
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, line, place)) = next else { break };
                    // The writer may have gone; then the answer is of no use to anyone.
                    drop(place.send(work(number, line)));
                }
            });
        }
        let written = write(&order, &mut output, advanced);
        // After a failure this lets the reader find its queue closed, and so everybody ends.
        drop(order);
        written.and_then(|()| reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader failed"))))
    })
}

fn read(
    mut input: impl BufRead,
    lines: &SyncSender<(usize, Line, Place)>,
    places: &SyncSender<(u64, Receiver<Vec<u8>>)>,
) -> io::Result<()> {
    for number in 1.. {
        let mut bytes = Vec::new();
        let mut read = (&mut input).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            break;
        }
        let line = if bytes.ends_with(b"\n") {
            bytes.truncate(bytes.len() - if bytes.ends_with(b"\r\n") { 2 } else { 1 });
            Line::Whole(bytes)
        } else if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_LINE_BYTES {
            read += input.skip_until(b'\n')?;
            Line::TooLong
        } else {
            Line::Whole(bytes)
        };
        let (place, filled) = sync_channel(1);
        let taken = places.send((u64::try_from(read).unwrap_or(u64::MAX), filled)).is_ok()
            && lines.send((number, line, place)).is_ok();
        if !taken {
            break;
        }
    }
    Ok(())
}

fn write(
    order: &Receiver<(u64, Receiver<Vec<u8>>)>,
    output: &mut impl Write,
    advanced: impl Fn(u64),
) -> io::Result<()> {
    loop {
        // Whatever is written so far is shown before waiting: the other end may want it to go on.
        let next = order.try_recv().ok();
        let Some((bytes, filled)) = (if next.is_none() {
            output.flush()?;
            order.recv().ok()
        } else {
            next
        }) else {
            return output.flush();
        };
        let Some(line) = filled.try_recv().ok().or_else(|| filled.recv().ok()) else {
            return Err(io::Error::other("a worker failed"));
        };
        output.write_all(&line)?;
        output.write_all(b"\n")?;
        advanced(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(input: &[u8], workers: usize) -> String {
        let mut output = Vec::new();
        let work = |number: usize, line: Line| match line {
            Line::Whole(line) => format!("{number}:{}", String::from_utf8_lossy(&line)).into_bytes(),
            Line::TooLong => b"too long".to_vec(),
        };
        run(input, &mut output, workers, work, |_| {}).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn every_line_has_one_answer_in_order() {
        let input: String = (1..=5000).map(|n| format!("{n}\n")).collect();
        let expected: String = (1..=5000).map(|n| format!("{n}:{n}\n")).collect();
        for workers in [1, 2, 7] {
            assert_eq!(echo(input.as_bytes(), workers), expected);
        }
    }

    #[test]
    fn line_ends() {
        assert_eq!(echo(b"", 2), "");
        assert_eq!(echo(b"a", 2), "1:a\n");
        assert_eq!(echo(b"a\r\n\n b\n", 2), "1:a\n2:\n3: b\n");
    }

    #[test]
    fn a_writer_that_fails_ends_the_run() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let input = "x\n".repeat(10_000);
        let error = run(input.as_bytes(), Closed, 2, |_, _| Vec::new(), |_| {}).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
