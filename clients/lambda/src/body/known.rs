//! What is known of the bodies of OpenAI, Anthropic and Bedrock.

use llm_shield_client::v1::Role;
use serde_json::{Map, Value};

/// Fields that hold words of the protocol. They are left out only when they look like it.
const PROTOCOL: [&str; 31] = [
    "anthropic_version",
    "call_id",
    "content_type",
    "detail",
    "encoding",
    "encrypted_content",
    "finish_reason",
    "format",
    "generation_id",
    "id",
    "item_id",
    "latency",
    "media_type",
    "mime_type",
    "model",
    "modelId",
    "object",
    "previous_response_id",
    "role",
    "service_tier",
    "signature",
    "status",
    "stopReason",
    "stop_reason",
    "system_fingerprint",
    "tool_call_id",
    "toolUseId",
    "tool_use_id",
    "trace",
    "truncation",
    "type",
];

/// Such fields, of any length: they are made and checked by the model's maker.
const SEALED: [&str; 2] = ["encrypted_content", "signature"];

/// Structures that an application or a tool has made. They are looked at as a whole, names and numbers too.
const STRUCTURES: [&str; 10] = [
    "functions",
    "inputSchema",
    "input_schema",
    "json",
    "metadata",
    "parameters",
    "requestMetadata",
    "response_format",
    "toolConfig",
    "tools",
];

/// Parts of content that are no text, by their `type`.
const ATTACHMENTS: [&str; 11] = [
    "audio",
    "file",
    "image",
    "image_file",
    "image_url",
    "input_audio",
    "input_file",
    "input_image",
    "input_video",
    "video",
    "container_upload",
];

/// Fields that hold something that is no text.
const ATTACHMENT_FIELDS: [&str; 12] = [
    "audio",
    "b64_json",
    "bytes",
    "file",
    "file_data",
    "file_id",
    "image",
    "image_url",
    "images",
    "input_audio",
    "s3Location",
    "video",
];

/// The largest word of a protocol, in bytes: an ARN fits.
const MAX_WORD_BYTES: usize = 256;

/// Whether a string is a word of the protocol and no text.
pub(super) fn is_protocol(field: &str, value: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/+=".contains(&byte);
    PROTOCOL.contains(&field)
        && value.bytes().all(is_word)
        && (value.len() <= MAX_WORD_BYTES || SEALED.contains(&field))
}

/// Whether a field's value is looked at as a whole.
pub(super) fn is_structure(field: &str, holder: &Map<String, Value>) -> bool {
    // A tool call's arguments; a request of OpenAI's Responses has its messages under the same name.
    let is_call =
        || holder.contains_key("toolUseId") || kind(holder).is_some_and(|kind| kind.ends_with("tool_use"));
    STRUCTURES.contains(&field) || (field == "input" && is_call())
}

/// Whether a part of content is no text: an image and the like, or a document that is not given as text.
pub(super) fn is_attachment(part: &Map<String, Value>) -> bool {
    match kind(part) {
        Some("document") => {
            let source = part.get("source").and_then(|source| source.get("type"));
            !matches!(source.and_then(Value::as_str), Some("text" | "content"))
        }
        Some(kind) => ATTACHMENTS.contains(&kind),
        None => false,
    }
}

/// Whether a field holds something that is no text. Empty ones hold nothing.
pub(super) fn is_attachment_field(field: &str, value: &Value) -> bool {
    let is_empty = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    };
    ATTACHMENT_FIELDS.contains(&field) && !is_empty
}

/// Whose text a message is, by its role.
pub(super) fn role_of_message(message: &Map<String, Value>) -> Option<Role> {
    Some(match message.get("role")?.as_str()? {
        "system" | "developer" => Role::System,
        "user" | "human" | "USER" => Role::User,
        "assistant" | "model" | "CHATBOT" => Role::Assistant,
        "tool" | "function" | "ipython" => Role::Tool,
        _ => return None,
    })
}

/// Whose text a part of content is, by its `type`, where that is not its message's.
pub(super) fn role_of_part(part: &Map<String, Value>) -> Option<Role> {
    let kind = kind(part)?;
    let is_tool = kind.contains("tool") || kind.starts_with("function_call") || kind.starts_with("mcp_");
    match kind {
        "document" | "search_result" | "file_search_call" => Some(Role::Document),
        _ => is_tool.then_some(Role::Tool),
    }
}

/// Whose text a field is, by its name, where that is not its holder's.
pub(super) fn role_of_field(field: &str, is_top: bool) -> Option<Role> {
    match field {
        "system" | "instructions" | "system_prompt" | "preamble" if is_top => Some(Role::System),
        "toolUse" | "toolResult" | "tool_calls" | "function_call" | "tool_results" => Some(Role::Tool),
        "document" | "documents" | "citations" | "searchResult" => Some(Role::Document),
        _ => None,
    }
}

fn kind(part: &Map<String, Value>) -> Option<&str> {
    part.get("type")?.as_str()
}
