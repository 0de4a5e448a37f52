//! Commands in documents: those marked are run, all are held to the options that the program has.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{
    deployment::Deployment,
    document::{Block, Document, Mark},
};
use crate::{
    USAGE,
    process::{Server, fresh_directory},
    shell,
    tools::Tool,
};

/// The address that documents give, in place of which the server here takes a free port.
const ADDRESS: &str = "127.0.0.1:8443";
/// The record that documents speak of, which is the newest.
const RECORD: &str = "RECORD_ID";
/// No command takes so long, and one that hangs must end.
const LIMIT_SECONDS: &str = "300";

/// Runs the commands that a document marks, in one fresh directory and in their order, each with what is wrong with it.
///
/// What a line is expected to exit with stands in its remark (`# exit code 1: blocked`), and is 0 otherwise; what its
/// output has to hold stands behind `# →`. A server that is started goes on to the end of the document, and what is
/// exported holds for the lines that follow.
pub(super) fn run(document: &Document, program: &Path) -> Result<Vec<Vec<String>>> {
    if !document.blocks.iter().any(|block| block.mark == Some(Mark::Run)) {
        return Ok(Vec::new());
    }
    let mut session = Session::new(document, program)?;
    let mut results = Vec::new();
    for block in &document.blocks {
        match &block.mark {
            Some(Mark::File(name)) => fs::write(session.directory.path().join(name), &block.text)
                .with_context(|| format!("cannot write {name}"))?,
            Some(Mark::Run) => {
                for (line, command) in lines(block) {
                    let place = format!("{}:{line}", document.path);
                    println!("{place}: {command}");
                    let problem = session.run(&command)?;
                    results.push(problem.map(|problem| format!("{place}: {problem}")).into_iter().collect());
                }
            }
            None => {}
        }
    }
    if let Some(server) = session.server.take() {
        server.stop()?;
    }
    Ok(results)
}

struct Session {
    directory: TempDir,
    program: PathBuf,
    /// Where the programs are that lines call.
    path: OsString,
    exports: String,
    server: Option<Server>,
}

impl Session {
    fn new(document: &Document, program: &Path) -> Result<Self> {
        let mut programs = vec![program.to_owned()];
        if document.blocks.iter().any(|block| block.text.contains("grpcurl ")) {
            programs.push(Tool::Grpcurl.ensure()?);
        }
        let present = env::var_os("PATH").unwrap_or_default();
        let directories = programs.iter().filter_map(|program| program.parent().map(Path::to_owned));
        let path = env::join_paths(directories.chain(env::split_paths(&present)))?;
        let directory = fresh_directory("docs")?;
        Ok(Self { directory, program: program.to_owned(), path, exports: String::new(), server: None })
    }

    /// Runs a line; returns what is wrong with how it ended.
    fn run(&mut self, line: &str) -> Result<Option<String>> {
        if is_server(line) {
            let mut serve = self.command("sh");
            serve.args(["-c", &format!("exec {line}")]);
            let mut server = Server::start(&mut serve, false)?;
            let endpoint = server.address().to_string();
            server.wait_until(|| {
                shell::works(self.command(&self.program).args(["health", "--endpoint", &endpoint]))
            })?;
            self.server = Some(server);
            return Ok(None);
        }
        let line = self.filled(line)?;
        let script = format!("{}{line}", self.exports);
        if line.starts_with("export ") {
            self.exports.push_str(&line);
            self.exports.push('\n');
        }
        let output = self.command("timeout").args([LIMIT_SECONDS, "sh", "-c", &script]).output();
        let output = output.context("cannot run a shell")?;
        let shown = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let expected = expected(&line);
        if output.status.code() == Some(expected) {
            let missing = promised(&line).filter(|promised| !shown.contains(promised));
            return Ok(missing.map(|missing| format!("the output lacks `{missing}`:\n{shown}")));
        }
        Ok(Some(format!("ended with {}, not {expected}:\n{shown}", output.status)))
    }

    /// Puts in what a document cannot know.
    fn filled(&self, line: &str) -> Result<String> {
        let mut line = line.to_owned();
        if let Some(server) = &self.server {
            line = line.replace(ADDRESS, &server.address().to_string());
        }
        if line.contains(RECORD) {
            let mut list = self.command(&self.program);
            list.args(["audit", "list", "--newest-first", "--limit", "1", "--format", "json"]);
            let record: serde_json::Value =
                serde_json::from_slice(&list.output()?.stdout).context("there is no record to show")?;
            line =
                line.replace(RECORD, record.get("id").and_then(serde_json::Value::as_str).unwrap_or(RECORD));
        }
        Ok(line)
    }

    /// Prepares a run in the directory, with the program at hand and its data kept there.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).stdin(Stdio::null()).env("PATH", &self.path);
        command.env("LLM_SHIELD_DATA_DIR", self.directory.path().join("data"));
        command.env("LLM_SHIELD__LISTEN", "127.0.0.1:0").env("NO_COLOR", "1");
        command
    }
}

fn is_server(line: &str) -> bool {
    line.starts_with("llm-shield serve") && !line.contains("--check")
}

fn expected(line: &str) -> i32 {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    line.split_once("exit code ").and_then(|(_, rest)| digits(rest).parse().ok()).unwrap_or(0)
}

fn promised(line: &str) -> Option<&str> {
    line.split_once("# → ").map(|(_, rest)| rest.trim())
}

/// Returns the commands of a block with their lines; a backslash or an open quote joins lines.
fn lines(block: &Block) -> Vec<(usize, String)> {
    let mut commands: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (number, line) in block.text.lines().enumerate() {
        match commands.last_mut().filter(|_| open) {
            Some((_, command)) => {
                command.push('\n');
                command.push_str(line);
            }
            None if line.trim().is_empty() || line.trim().starts_with('#') => continue,
            None => commands.push((block.line + 1 + number, line.trim().to_owned())),
        }
        open = commands.last().is_some_and(|(_, command)| is_unfinished(command));
    }
    commands
}

/// Says whether a shell would read on.
fn is_unfinished(command: &str) -> bool {
    let mut quote = None;
    let mut before = ' ';
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None | Some('"'), '\\') if characters.next().is_none() => return true,
            (None, '#') if before.is_whitespace() => return false,
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        before = character;
    }
    quote.is_some()
}

/// What the program says of itself, asked once for each command, and what there is to deploy it with.
#[derive(Debug)]
pub(super) struct Usage {
    program: PathBuf,
    deployment: Deployment,
    help: BTreeMap<Vec<String>, Option<String>>,
}

impl Usage {
    pub(super) fn new(program: &Path) -> Result<Self> {
        let deployment = Deployment::new(&shell::root())?;
        Ok(Self { program: program.to_owned(), deployment, help: BTreeMap::new() })
    }

    /// Returns what is wrong with the commands that a document names, in code and in blocks.
    pub(super) fn check(&mut self, document: &Document) -> Result<Vec<String>> {
        let in_blocks = document.blocks.iter().filter(|block| block.language == "sh").flat_map(lines);
        let named: BTreeSet<(usize, String)> = document.code.iter().cloned().chain(in_blocks).collect();
        let mut problems = Vec::new();
        for (line, command) in named {
            let deployed = self.deployment.misused(document.directory(), &command)?;
            for problem in self.misused(&command)?.into_iter().chain(deployed) {
                problems.push(format!("{}:{line}: `{command}`: {problem}", document.path));
            }
        }
        Ok(problems)
    }

    fn misused(&mut self, command: &str) -> Result<Option<String>> {
        let command = command
            .split([';', '|', '>', '&', '#'])
            .find(|part| part.contains("llm-shield "))
            .unwrap_or(command);
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "xtask", task, ..] if task.chars().all(|c| c.is_ascii_lowercase()) => {
                let known = USAGE.lines().any(|line| line.split_whitespace().next() == Some(task));
                Ok((!known).then(|| format!("there is no task `{task}`")))
            }
            ["llm-shield", rest @ ..] => self.misused_program(rest),
            _ => Ok(None),
        }
    }

    fn misused_program(&mut self, words: &[&str]) -> Result<Option<String>> {
        let mut path = Vec::new();
        let mut help = self.help(&path)?.context("the program has no --help")?;
        for &word in words {
            if let Some(flag) = word.strip_prefix("--") {
                let name = flag.split(['=', ',', ')', ']']).next().unwrap_or(flag);
                let known = help
                    .split_whitespace()
                    .any(|word| word.trim_matches(|c: char| "[],".contains(c)) == format!("--{name}"));
                if !known && !["help", "version"].contains(&name) {
                    return Ok(Some(format!("`--{name}` is no option of it")));
                }
            } else if help.contains("\nCommands:\n")
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            {
                path.push(word.to_owned());
                match self.help(&path)? {
                    Some(more) => help = more,
                    None => return Ok(Some(format!("there is no command `{word}`"))),
                }
            }
        }
        Ok(None)
    }

    fn help(&mut self, path: &[String]) -> Result<Option<String>> {
        if let Some(known) = self.help.get(path) {
            return Ok(known.clone());
        }
        let mut ask = Command::new(&self.program);
        let output =
            ask.args(path).arg("--help").stdin(Stdio::null()).output().context("cannot run the program")?;
        let help = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned());
        self.help.insert(path.to_vec(), help.clone());
        Ok(help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands() {
        let text =
            "# a remark\na \\\n  --b   # exit code 1: it's no\n\nc 'x\n\"y' # → no such thing\n".to_owned();
        let block = Block { line: 10, language: "sh".into(), mark: None, text };
        let commands = lines(&block);
        let shown = [(12, "a \\\n  --b   # exit code 1: it's no"), (15, "c 'x\n\"y' # → no such thing")];
        assert_eq!(commands, shown.map(|(line, command)| (line, command.to_owned())));
        assert_eq!((expected(shown[0].1), promised(shown[0].1)), (1, None));
        assert_eq!((expected(shown[1].1), promised(shown[1].1)), (0, Some("no such thing")));
    }

    #[test]
    fn servers_are_told_from_checks() {
        assert!(is_server("llm-shield serve"));
        assert!(!is_server("llm-shield serve --config FILE --check"));
    }
}
