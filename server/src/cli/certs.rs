//! `llm-shield certs`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use llm_shield::devcerts::DevCerts;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _};

use super::{YES, args::DataArgs, show};

/// Commands on certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the development authority and certificates in the data directory, where they are missing or end soon
    Dev {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show certificates: whose, for which names, until when
    Show {
        /// PEM files; the development certificates of the data directory by default
        files: Vec<PathBuf>,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// Runs the command.
pub(crate) fn run(command: Command) -> Result<u8> {
    match command {
        Command::Dev { data } => {
            let certificates = DevCerts::under(&data.dir()?);
            certificates.ensure()?;
            show_all(&development(&certificates))?;
        }
        Command::Show { files, data } => {
            let files = if files.is_empty() { development(&DevCerts::under(&data.dir()?)) } else { files };
            show_all(&files)?;
        }
    }
    Ok(YES)
}

fn development(certificates: &DevCerts) -> Vec<PathBuf> {
    let mut files = vec![certificates.ca(), certificates.tls_files().cert];
    files.extend(DevCerts::client_names().map(|name| certificates.client_cert(name)));
    files
}

fn show_all(files: &[PathBuf]) -> Result<()> {
    for file in files {
        show::print(&describe(file)?)?;
    }
    Ok(())
}

fn describe(file: &Path) -> Result<String> {
    let mut out = String::new();
    let shown = file.display();
    let mut count = 0;
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| match error {
        rustls_pki_types::pem::Error::Io(error) => anyhow::anyhow!(
            "cannot read {shown}: {error} (`llm-shield certs dev` makes development certificates)"
        ),
        other => anyhow::anyhow!("cannot read {shown}: {other:?}"),
    })?;
    for der in certificates {
        let der = der.map_err(|error| anyhow::anyhow!("{shown} holds no valid PEM: {error:?}"))?;
        let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(&der)
            .with_context(|| format!("{shown} holds no X.509 certificate"))?;
        count += 1;
        writeln!(out, "{shown}")?;
        let key = file.with_extension("key");
        if count == 1 && key.exists() {
            writeln!(out, "  key      {}", key.display())?;
        }
        writeln!(out, "  subject  {}", certificate.subject())?;
        writeln!(out, "  issuer   {}", certificate.issuer())?;
        if let Ok(Some(names)) = certificate.subject_alternative_name() {
            for name in &names.value.general_names {
                writeln!(out, "  name     {}", describe_name(name))?;
            }
        }
        let validity = certificate.validity();
        let note = if validity.is_valid() { "" } else { "  NOT VALID NOW" };
        writeln!(out, "  valid    {} to {}{note}", time(validity.not_before), time(validity.not_after))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "  sha256   {hex}")?;
    }
    anyhow::ensure!(count > 0, "{shown} holds no certificate");
    Ok(out)
}

fn describe_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::URI(uri) => format!("URI {uri}"),
        GeneralName::DNSName(name) => format!("DNS {name}"),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes)
                .map(std::net::IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            address.map_or_else(|_| "IP of an unknown form".to_owned(), |address| format!("IP {address}"))
        }
        other => other.to_string(),
    }
}

fn time(time: x509_parser::time::ASN1Time) -> String {
    jiff::Timestamp::from_second(time.timestamp())
        .map_or_else(|_| "out of range".to_owned(), |time| time.to_string())
}
