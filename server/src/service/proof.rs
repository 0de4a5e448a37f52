//! `GetAuditProof`: that a record is in the log of the caller's tenant, or that the log begins with what it was.

use std::{collections::BTreeMap, str::FromStr};

use llm_shield_audit::{AuditError, Checkpoint, ConsistencyProof, Hash, InclusionProof, Query};
use llm_shield_proto::v1;
use tokio::time::timeout_at;
use uuid::Uuid;

use super::{Parts, context::Context, job, unrecorded};
use crate::status::Fault;

impl Parts {
    pub(super) async fn prove(
        &self,
        context: &Context,
        request: &v1::GetAuditProofRequest,
    ) -> Result<v1::GetAuditProofResponse, Fault> {
        job::check(request)?;
        let prove = async {
            let labels = match (request.record_id.as_str(), request.from_tree_size) {
                ("", from) => ("from_tree_size", from.to_string()),
                (id, _) => ("record_id", id.to_owned()),
            };
            let labels = BTreeMap::from([(labels.0.to_owned(), labels.1)]);
            self.record_read(context, "GetAuditProof", labels).await?;
            match (request.record_id.as_str(), request.from_tree_size) {
                ("", 0) => Err(Fault::field("record_id", "is missing, and from_tree_size too")),
                ("", from) => self.prove_consistency(context, from, request.tree_size).await,
                (id, 0) => self.prove_inclusion(context, id, request.tree_size).await,
                _ => Err(Fault::field("from_tree_size", "and record_id exclude each other")),
            }
        };
        timeout_at(context.deadline.at, prove).await.map_err(|_elapsed| Fault::DeadlineExceeded)?
    }

    async fn prove_inclusion(
        &self,
        context: &Context,
        id: &str,
        size: u64,
    ) -> Result<v1::GetAuditProofResponse, Fault> {
        let id = Uuid::from_str(id).map_err(|_error| Fault::field("record_id", "is not a UUID"))?;
        let tenant = &context.caller.tenant;
        let query = Query { record_id: Some(id), limit: Some(1), ..Query::of(tenant.clone()) };
        let mut found = self.store.query(query).map_err(|error| unrecorded(context, error))?;
        let record = found.next().await.transpose().map_err(|error| unrecorded(context, error))?;
        let record = record.ok_or(Fault::RecordNotFound)?;
        // Another server's log is proved up to its last closed segment.
        if size == 0 && record.log == self.audit.log_id() {
            self.audit.signed(tenant, record.sequence.saturating_add(1)).await;
        }
        let proof = self.store.prove_inclusion(tenant, Some(&record.log), record.sequence, size).await;
        let InclusionProof { leaf_hash, leaf_index, path, checkpoint, note } =
            proof.map_err(|error| unproved(context, error, "tree_size"))?;
        Ok(v1::GetAuditProofResponse {
            leaf_index,
            leaf_hash: leaf_hash.to_vec(),
            log_id: record.log,
            ..response(checkpoint, note, path)
        })
    }

    async fn prove_consistency(
        &self,
        context: &Context,
        from: u64,
        size: u64,
    ) -> Result<v1::GetAuditProofResponse, Fault> {
        let proof = self.store.prove_consistency(&context.caller.tenant, None, from, size).await;
        let ConsistencyProof { path, checkpoint, note, .. } =
            proof.map_err(|error| unproved(context, error, "from_tree_size"))?;
        Ok(response(checkpoint, note, path))
    }
}

fn response(checkpoint: Checkpoint, note: String, path: Vec<Hash>) -> v1::GetAuditProofResponse {
    v1::GetAuditProofResponse {
        tree_size: checkpoint.size,
        root_hash: checkpoint.root.to_vec(),
        log_id: checkpoint.origin.rsplit('/').next().unwrap_or_default().to_owned(),
        hashes: path.iter().map(|hash| hash.to_vec()).collect(),
        checkpoint: note,
        ..v1::GetAuditProofResponse::default()
    }
}

/// Says why there is no proof: an argument that cannot be proved, or a log that cannot be read.
fn unproved(context: &Context, error: AuditError, field: &str) -> Fault {
    match error {
        AuditError::Invalid { reason } => Fault::field(field, reason),
        error => unrecorded(context, error),
    }
}
