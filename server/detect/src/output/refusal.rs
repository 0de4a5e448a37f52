//! Refusals: the model says that it will not, or cannot, do what was asked.
//!
//! They are counted, not stopped: many refusals mean an attack upstream, or a policy that is too strict.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::ByteSpan;
use crate::coded::Seen;

use super::REFUSAL;

/// Appends the first refusal in folded text.
pub(super) fn find(folded: &str, seen: &mut Vec<Seen>) {
    // Who refuses does so at once, or at the end after going through the motions.
    let head = folded.get(..folded.floor_char_boundary(HEAD)).unwrap_or(folded);
    let Some(automaton) = &*AUTOMATON else { return };
    if let Some(found) = automaton.find(head) {
        let span = ByteSpan { start: found.start(), end: found.end() };
        let score = if found.start() < OPENING { 0.9 } else { 0.6 };
        seen.push(REFUSAL.scored(span, score));
    }
}

static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let joined =
        OPENINGS.iter().flat_map(|opening| ENDINGS.iter().map(move |ending| format!("{opening} {ending}")));
    let phrases: Vec<String> = PHRASES.iter().map(|phrase| (*phrase).to_owned()).chain(joined).collect();
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(phrases).ok()
});

/// How an English refusal begins; one of [`ENDINGS`] follows.
static OPENINGS: &[&str] = &[
    "i can't",
    "i cannot",
    "i can not",
    "i won't",
    "i will not",
    "i'm unable to",
    "i am unable to",
    "i'm not able to",
    "i am not able to",
    "i'm not allowed to",
    "i am not allowed to",
    "i'm not permitted to",
    "i'm not comfortable",
    "i'm not going to",
    "we cannot",
    "we are unable to",
    "we're unable to",
];

static ENDINGS: &[&str] = &[
    "help with",
    "help you with that",
    "assist",
    "comply",
    "fulfill",
    "fulfil",
    "provide that",
    "provide this",
    "provide instructions",
    "provide guidance",
    "provide any",
    "support that",
    "answer that",
    "answer this",
    "respond to that",
    "discuss that",
    "discuss this",
    "share that",
    "share this",
    "do that",
    "do this for",
    "participate in",
    "engage in",
    "facilitate",
    "generate that",
    "write that",
    "complete this request",
    "complete that request",
    "process this request",
    "process that request",
    "accommodate",
    "carry out this",
    "carry out that",
    "continue with this",
    "talk about that",
    "helping with",
    "providing",
];

const OPENING: usize = 160;
const HEAD: usize = 1200;

/// Folded: lower case, without marks in scripts that drop them.
static PHRASES: &[&str] = &[
    // English
    "i can't help with",
    "i cannot help with",
    "i can't assist with",
    "i cannot assist with",
    "i'm unable to help",
    "i am unable to help",
    "i'm unable to assist",
    "i am unable to assist",
    "i'm not able to help",
    "i am not able to help",
    "i'm not able to assist",
    "i can't provide",
    "i cannot provide",
    "i can't comply",
    "i cannot comply",
    "i can't fulfill",
    "i cannot fulfill",
    "i won't be able to",
    "i must decline",
    "i have to decline",
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i'm sorry, i can't",
    "sorry, but i can't",
    "sorry, i can't",
    "i apologize, but i can",
    "as an ai language model, i can",
    "as an ai, i can't",
    "as an ai, i cannot",
    "i refuse to",
    "i will not help",
    "i won't help",
    "i can't share",
    "i cannot share",
    "i can't reveal",
    "i cannot reveal",
    "i can't disclose",
    "i cannot disclose",
    "i can't engage",
    "i cannot engage",
    "against my guidelines",
    "violates my guidelines",
    "i can't create",
    "i cannot create",
    "i can't generate",
    "i cannot generate",
    "i can't write",
    "i cannot write",
    // German
    "ich kann dir dabei nicht helfen",
    "ich kann ihnen dabei nicht helfen",
    "dabei kann ich nicht helfen",
    "dabei kann ich dir nicht helfen",
    "dabei kann ich ihnen nicht helfen",
    "kann ich leider nicht",
    "leider kann ich",
    "tut mir leid, aber ich kann",
    "das kann ich nicht tun",
    "ich kann diese anfrage nicht",
    // French
    "je ne peux pas vous aider",
    "je ne peux pas t'aider",
    "je ne suis pas en mesure de",
    "je suis desole, mais je ne peux",
    "je suis desolee, mais je ne peux",
    "je ne peux pas repondre a cette",
    "je ne peux pas fournir",
    "je refuse de",
    // Spanish
    "no puedo ayudarte con",
    "no puedo ayudarle con",
    "lo siento, pero no puedo",
    "lo siento, no puedo",
    "no puedo proporcionar",
    "no puedo cumplir con",
    "no me es posible",
    // Portuguese
    "nao posso ajudar com",
    "desculpe, mas nao posso",
    "lamento, mas nao posso",
    "sinto muito, mas nao posso",
    "nao posso fornecer",
    "nao consigo ajudar com",
    // Italian
    "non posso aiutarti con",
    "non posso aiutarla con",
    "mi dispiace, ma non posso",
    "non posso fornire",
    "non sono in grado di aiutar",
    // Dutch
    "ik kan je daar niet bij helpen",
    "ik kan u daar niet bij helpen",
    "het spijt me, maar ik kan",
    "daar kan ik niet mee helpen",
    "daar kan ik je niet mee helpen",
    "sorry, maar ik kan",
    // Polish, Czech, Romanian, Swedish
    "nie moge pomoc",
    "przykro mi, ale nie moge",
    "przepraszam, ale nie moge",
    "nie moge w tym pomoc",
    "omlouvam se, ale nemohu",
    "s tim vam nemohu pomoci",
    "imi pare rau, dar nu pot",
    "nu te pot ajuta cu",
    "nu va pot ajuta cu",
    "jag kan tyvarr inte",
    "jag kan inte hjalpa",
    // Russian, Ukrainian
    "я не могу помочь",
    "не могу помочь с",
    "извините, но я не могу",
    "к сожалению, я не могу",
    "я не могу предоставить",
    "я не могу выполнить",
    "на жаль, я не можу",
    "вибачте, але я не можу",
    // Turkish, Indonesian, Vietnamese
    "bu konuda yardimci olamam",
    "uzgunum, ancak",
    "uzgunum ama",
    "yardimci olamiyorum",
    "maaf, saya tidak bisa",
    "maaf, saya tidak dapat",
    "saya tidak dapat membantu",
    "saya tidak bisa membantu",
    "toi khong the giup",
    "xin loi, toi khong the",
    "xin loi, nhung toi khong the",
    // Chinese, Japanese, Korean
    "我无法提供",
    "我不能提供",
    "我无法帮助",
    "我不能帮助",
    "抱歉,我无法",
    "抱歉,我不能",
    "很抱歉,但我",
    "对不起,我不能",
    "对不起,我无法",
    "無法協助",
    "無法提供",
    "お手伝いできません",
    "お答えできません",
    "対応できません",
    "応じることはできません",
    "提供することはできません",
    "申し訳ありませんが",
    "도와드릴 수 없",
    "도와 드릴 수 없",
    "제공할 수 없",
    "죄송하지만",
    "응할 수 없",
    // Arabic, Persian, Hebrew, Hindi
    "لا استطيع مساعدتك",
    "لا يمكنني مساعدتك",
    "عذرا، لا يمكنني",
    "اسف، لا استطيع",
    "لا يمكنني تقديم",
    "متاسفم، اما نمي توانم",
    "نمی توانم کمک",
    "אני לא יכול לעזור",
    "מצטער, אבל אני לא",
    "मैं इसमें मदद नहीं कर सकता",
    "माफ़ कीजिए, मैं",
    "क्षमा करें, मैं",
    // Said without an apology, and less often
    "no puedo ayudar con",
    "no puedo ayudarte",
    "no puedo ayudarle",
    "no puedo asistir",
    "no puedo responder a es",
    "no puedo hacer eso",
    "no puedo atender",
    "no estoy autorizado",
    "no estoy autorizada",
    "lamentablemente, no puedo",
    "lamentablemente no puedo",
    "no soy capaz de ayudar",
    "ich kann dir nicht helfen",
    "ich kann ihnen nicht helfen",
    "ich kann nicht dabei helfen",
    "ich kann das nicht",
    "ich darf das nicht",
    "ich darf diese",
    "ich bin nicht in der lage, dir",
    "ich bin nicht in der lage, ihnen",
    "ich bin nicht in der lage, das",
    "diese anfrage kann ich nicht",
    "diesem wunsch kann ich nicht",
    "dazu kann ich keine",
    "je ne peux pas aider",
    "je ne peux pas faire cela",
    "je ne peux pas acceder a",
    "je ne peux pas satisfaire",
    "je ne suis pas autorise",
    "malheureusement, je ne peux pas",
    "je ne peux pas vous fournir",
    "nao posso ajudar",
    "infelizmente, nao posso",
    "infelizmente nao posso",
    "nao posso atender",
    "nao posso fazer isso",
    "non posso aiutare",
    "non posso aiutart",
    "purtroppo non posso",
    "non posso rispondere a quest",
    "non posso soddisfare",
    "non posso farlo",
    "ik kan niet helpen met",
    "ik kan je niet helpen",
    "helaas kan ik",
    "ik kan dat niet",
    "aan dat verzoek kan ik niet",
    "niestety nie moge",
    "nie moge spelnic",
    "nie moge tego zrobic",
    "bohuzel nemohu",
    "bohuzel nemuzu",
    "s tim nemohu pomoct",
    "s tim nemohu pomoci",
    "s tim nemuzu pomoct",
    "din pacate, nu pot",
    "din pacate nu pot",
    "nu pot sa te ajut",
    "nu pot ajuta cu",
    "tyvarr kan jag inte",
    "jag kan inte svara pa",
    "jeg kan desvaerre ikke",
    "desvaerre kan jeg ikke",
    "beklager, men jeg kan ikke",
    "jeg kan ikke hjelpe",
    "jeg kan ikke hjaelpe",
    "beklager, jeg kan ikke",
    "valitettavasti en voi",
    "en voi auttaa",
    "sajnalom, de nem",
    "ebben nem tudok segiteni",
    "sajnos nem tudok segiteni",
    "δεν μπορω να βοηθησω",
    "δεν μπορω να σε βοηθησω",
    "λυπαμαι, αλλα δεν μπορω",
    "к сожалению, не могу",
    "не могу помочь",
    "не могу выполнить эт",
    "не могу ответить на эт",
    "не можу допомогти",
    "на жаль, не можу",
    "не мога да помогна",
    "съжалявам, но не мога",
    "bunu yapamam",
    "yardimci olamam",
    "bu istegi yerine getiremem",
    "saya tidak dapat memenuhi",
    "saya tidak bisa memenuhi",
    "toi khong the ho tro",
    "toi khong the dap ung",
    "我无法协助",
    "我不能协助",
    "无法满足您",
    "无法满足你",
    "我无法回答",
    "我不能回答",
    "无法完成这个请求",
    "抱歉,但我不能",
    "抱歉,但我无法",
    "我無法",
    "お応えできません",
    "お答えすることはできません",
    "お手伝いすることはできません",
    "답변할 수 없",
    "도움을 드릴 수 없",
    "도와줄 수 없",
    "لا استطيع المساعدة",
    "لا يمكنني المساعدة",
    "لا استطيع تقديم",
    "אני לא יכול לסייע",
    "אינני יכול",
    "לא אוכל לעזור",
    "मैं मदद नहीं कर सकता",
    "सहायता नहीं कर सकता",
    "मदद नहीं कर सकती",
    "ไม่สามารถช่วย",
    "نمی توانم به شما کمک",
    "نمیتوانم",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fold;

    fn refuses(text: &str) -> bool {
        let mut seen = Vec::new();
        find(&fold(text).0, &mut seen);
        !seen.is_empty()
    }

    #[test]
    fn languages() {
        for text in [
            "I’m sorry, but I can’t help with that.",
            "Es tut mir leid, aber ich kann das nicht.",
            "Je suis désolé, mais je ne peux pas.",
            "Lo siento, pero no puedo hacer eso.",
            "Não posso ajudar com isso.",
            "Извините, но я не могу.",
            "抱歉，我无法回答。",
            "申し訳ありませんが、お答えできません。",
            "Üzgünüm, ancak bunu yapamam.",
            "Unfortunately I'm unable to comply with this.",
            "As an AI language model, I am not able to provide that.",
            "I won't facilitate this.",
            "No puedo ayudar con esa solicitud.",
            "Diese Anfrage kann ich nicht bearbeiten.",
            "Purtroppo non posso farlo.",
            "Bohužel nemohu odpovědět.",
            "Valitettavasti en voi vastata.",
            "К сожалению, не могу ответить.",
            "Λυπάμαι, αλλά δεν μπορώ.",
        ] {
            assert!(refuses(text), "{text}");
        }
        for text in [
            "You can't help with the dishes? I can provide a rota.",
            "I can't believe it's over!",
            "I cannot recommend this book enough.",
            "If you are unable to comply with the deadline, call us.",
            "Si no puedes ayudar con la mudanza, avisa.",
            "I'm not able to find row 12 in the table; here are the others.",
        ] {
            assert!(!refuses(text), "{text}");
        }
    }

    #[test]
    fn phrases_are_folded() {
        for phrase in PHRASES {
            assert!(refuses(phrase), "{phrase}");
        }
    }
}
