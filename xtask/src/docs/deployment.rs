//! What documents say of Terraform's outputs and variables and of `deploy.sh`, held to the files that have them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Where commands run unless the document lies with a module of its own.
const TERRAFORM: &str = "terraform";
const DEPLOY: &str = "scripts/deploy.sh";

/// What there is to name.
#[derive(Debug)]
pub(super) struct Deployment {
    root: PathBuf,
    modules: BTreeMap<String, Names>,
    options: BTreeSet<String>,
}

/// The outputs and variables of a module.
#[derive(Clone, Debug, Default)]
struct Names {
    outputs: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl Deployment {
    pub(super) fn new(root: &Path) -> Result<Self> {
        let script =
            fs::read_to_string(root.join(DEPLOY)).with_context(|| format!("cannot read {DEPLOY}"))?;
        Ok(Self { root: root.to_owned(), modules: BTreeMap::new(), options: options(&script) })
    }

    /// Returns what is wrong with a command of a document that lies in a directory.
    pub(super) fn misused(&mut self, directory: &str, command: &str) -> Result<Option<String>> {
        let words: Vec<&str> = command.split_whitespace().map(bare).collect();
        let about_terraform = words.contains(&"terraform") || command.starts_with("-var");
        if about_terraform && let Some(problem) = self.misused_terraform(directory, &words)? {
            return Ok(Some(problem));
        }
        Ok(self.misused_script(command))
    }

    fn misused_terraform(&mut self, directory: &str, words: &[&str]) -> Result<Option<String>> {
        let (module, names) = self.names(directory)?;
        for (place, window) in words.windows(2).enumerate() {
            let [first, second] = window else { continue };
            if [*first, *second] == ["terraform", "output"] {
                let name = words.iter().skip(place + 2).find(|word| !word.starts_with('-'));
                if let Some(name) = name.filter(|name| is_name(name) && !names.outputs.contains(**name)) {
                    return Ok(Some(format!("{module} has no output `{name}`")));
                }
            }
        }
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) if option.starts_with('-') => (option, Some(value)),
                _ => (word, None),
            };
            match option {
                "-var" => {
                    let value = value.or_else(|| words.next()).unwrap_or_default();
                    let name = bare(value.split('=').next().unwrap_or(value));
                    if is_name(name) && !names.variables.contains(name) {
                        return Ok(Some(format!("{module} has no variable `{name}`")));
                    }
                }
                "-var-file" => {
                    let file = value.or_else(|| words.next()).unwrap_or_default();
                    let written = file.contains('.') && !file.contains(['$', '…']);
                    if written && !self.root.join(&module).join(file).exists() {
                        return Ok(Some(format!("{module} has no file `{file}`")));
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn misused_script(&self, command: &str) -> Option<String> {
        let (_, arguments) = command.split_once("deploy.sh ")?;
        let arguments = arguments.split(['#', ';', '|', '&', '>']).next().unwrap_or(arguments);
        let given = arguments.split_whitespace().map(|word| bare(word).split('=').next().unwrap_or(word));
        let mut given = given.filter(|word| word.starts_with("--"));
        let unknown = given.find(|option| !self.options.contains(*option))?;
        Some(format!("`{unknown}` is no option of {DEPLOY}"))
    }

    /// The module that a document of a directory speaks of, and what it has.
    fn names(&mut self, directory: &str) -> Result<(String, Names)> {
        let own = directory.starts_with(TERRAFORM) && !tf_files(&self.root.join(directory)).is_empty();
        let module = if own { directory } else { TERRAFORM };
        if let Some(known) = self.modules.get(module) {
            return Ok((module.to_owned(), known.clone()));
        }
        let mut names = Names::default();
        for path in tf_files(&self.root.join(module)) {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            names.outputs.extend(labels(&text, "output"));
            names.variables.extend(labels(&text, "variable"));
        }
        self.modules.insert(module.to_owned(), names.clone());
        Ok((module.to_owned(), names))
    }
}

/// A word without what a sentence or a shell puts around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| "\"'`()[],$".contains(c)).split([')', '"', '\'']).next().unwrap_or_default()
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn tf_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|kind| kind == "tf")).collect()
}

/// The names of a file's blocks of a kind.
fn labels(text: &str, kind: &str) -> Vec<String> {
    let blocks = text.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(" \""));
    blocks.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()).collect()
}

/// The options that a script's usage names.
fn options(script: &str) -> BTreeSet<String> {
    let usage = script.lines().skip_while(|line| !line.ends_with("<<'USAGE'")).skip(1);
    let usage = usage.take_while(|line| *line != "USAGE");
    let named = usage.filter_map(|line| line.split_whitespace().next()).filter(|word| word.starts_with("--"));
    named.map(str::to_owned).chain(["--help".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    #[track_caller]
    fn told(directory: &str, command: &str) -> Option<String> {
        Deployment::new(&shell::root()).unwrap().misused(directory, command).unwrap()
    }

    #[test]
    fn outputs_variables_and_files_are_there() {
        for (directory, command, problem) in [
            ("docs", "terraform output -raw nothing", "terraform has no output `nothing`"),
            ("docs", "docker push \"$(terraform output -raw nothing):1\"", "no output `nothing`"),
            ("terraform", "terraform apply -var nothing=1", "no variable `nothing`"),
            ("terraform", "terraform apply '-var=nothing=1'", "no variable `nothing`"),
            ("", "terraform apply -var-file environments/none.tfvars", "no file `environments/none.tfvars`"),
            ("", "-var-file=environments/none.tfvars", "no file `environments/none.tfvars`"),
            ("terraform/examples/remote-state", "terraform output image_repository", "has no output"),
        ] {
            let told = told(directory, command).unwrap_or_default();
            assert!(told.contains(problem), "{command}: {told}");
        }
        for (directory, command) in [
            ("docs", "terraform output"),
            ("docs", "docker build --tag \"$(terraform output -raw image_repository):0.1.0\" .."),
            ("docs", "terraform output NAME"),
            ("terraform", "terraform apply -var name=shield -var 'environment=prod'"),
            (
                "terraform",
                "terraform apply # or: -var-file environments/dev.tfvars, environments/prod.tfvars",
            ),
            ("terraform/examples/remote-state", "terraform apply -var bucket_name=state"),
            ("docs", "docker run -var nothing"),
        ] {
            assert_eq!(told(directory, command), None, "{command}");
        }
    }

    #[test]
    fn options_are_those_of_the_script() {
        let problem = Some("`--dryrun` is no option of scripts/deploy.sh".to_owned());
        assert_eq!(told("", "scripts/deploy.sh --dryrun   # what --that would do"), problem);
        assert_eq!(told("", "scripts/deploy.sh --cold-start 20 # as --that does"), None);
        assert_eq!(told("", "../scripts/deploy.sh --local --out=DIR && grep --only-matching x"), None);
    }
}
