//! Small words and letters by language. Words are folded when they are indexed, as the text that they are looked up in.

use super::Script;

/// Scripts that stand for one language, or for the one that is by far the most written.
pub(super) static SCRIPTS: &[(&str, Script)] = &[
    ("el", Script::Greek),
    ("he", Script::Hebrew),
    ("hi", Script::Devanagari),
    ("bn", Script::Bengali),
    ("ta", Script::Tamil),
    ("te", Script::Telugu),
    ("th", Script::Thai),
    ("ka", Script::Georgian),
    ("hy", Script::Armenian),
    ("am", Script::Ethiopic),
    ("km", Script::Khmer),
    ("my", Script::Myanmar),
    ("ko", Script::Hangul),
    ("ja", Script::Kana),
    ("zh", Script::Han),
];

/// Letters that few languages of a script have, in lower case.
pub(super) static LETTERS: &[(&str, &str)] = &[
    ("de", "äöüß"),
    ("fr", "éèêàçùœ"),
    ("es", "ñáíóú¿"),
    ("pt", "ãõçáê"),
    ("it", "èàùò"),
    ("sv", "åäö"),
    ("da", "åæø"),
    ("no", "åæø"),
    ("fi", "äö"),
    ("pl", "łąęśżźćń"),
    ("cs", "ěřůčšžý"),
    ("sk", "ľĺŕôčšžý"),
    ("ro", "ăâîșțşţ"),
    ("hu", "őűáéö"),
    ("tr", "ğışçü"),
    ("az", "əğışç"),
    ("vi", "ạảấầẩậắằẳặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹđơư"),
    ("ca", "àèòç·"),
    ("hr", "čćđšž"),
    ("ru", "ыэё"),
    ("uk", "іїєґ"),
    ("bg", "ъ"),
    ("sr", "ђјљњћџ"),
    ("fa", "پچژگک"),
    ("ur", "ٹڈڑںے"),
];

/// The most frequent small words.
pub(super) static WORDS: &[(&str, &str)] = &[
    (
        "en",
        "the of and to in is that it for was on are as with be this have from or by not but what all were when we there \
         can an your which their said if do will each about how up out them then she many some so these would other into \
         has more her two like him see time could no make than first been its who now my made over did down only way use \
         may it's don't i you he they our me please should any where why does just know want need at hello hi thanks thank help find good best how's i'm near",
    ),
    (
        "de",
        "der die das und ist nicht ich es sie ein eine zu in den mit von auf fur dem sich des auch als an er so dass wir \
         wie sind aus bei hat nach wird oder einen einem einer um am im noch nur wenn kann haben mein aber mehr zum zur \
         war werden sein uber ihr bitte mir mich dich dir diese dieser dieses was wann hier keine kein mochte vor hallo guten tag konnen konnten helfen danke finden gutes gute suche brauche ihnen",
    ),
    (
        "fr",
        "le la les de des du et est un une que qui dans en pour pas sur au aux par ce cette ces il elle je vous nous ils ne \
         se plus avec sont mais ou son sa ses leur comme tout fait etre avoir ont ete cela si bien meme aussi peut deux tres \
         quand votre notre mon ma mes sans faire quel quelle encore voudrais sera moi toi \
         bonjour pouvez pouvez-vous aider m'aider trouver bon bonne merci salut cherche besoin peux pres j'ai c'est qu'est suis veux",
    ),
    (
        "es",
        "el la los las de que y en un una es por con no para se del al lo como mas pero sus le ya o este si porque esta \
         entre cuando muy sin sobre tambien me hasta hay donde quien desde todo nos durante uno ni contra ese eso mi ha \
         son fue ser tiene puede yo tu usted todos cual cada hacer estar aqui ante ellos \
         hola puedes ayudar ayudarme encontrar buen buena gracias buenos dias cerca quiero quisiera necesito favor podria mejor cual tengo estoy tienes",
    ),
    (
        "pt",
        "o a os as de que e do da em um uma para com nao por mais dos das se na no ao como mas foi ele ela tem seu sua ou \
         ser quando muito nos ja eu tambem so pelo pela ate isso entre depois sem mesmo aos seus quem nas me esse eles voce \
         essa num nem suas meu minha numa qual esta sao ha ainda fazer pode vai aqui estar \
         ola pode ajudar encontrar bom boa obrigado obrigada gostaria preciso perto quero tenho qual onde poderia",
    ),
    (
        "it",
        "il lo la i gli le di che e in un una per non con del della dei sono si da come piu al alla anche ma nel nella o \
         se ha questo questa ho cosa ci mi io tu lei loro quando molto tutto dal dalla essere fatto suo sua delle degli \
         perche ancora solo puo dove chi quello stato fare noi voi qui ogni sara vorrei \
         ciao puoi aiutarmi trovare buon buona buongiorno grazie prego puo potresti vuoi cerco come cosa questi quella vorrei posso mio mia tuo qual quale",
    ),
    (
        "nl",
        "de het een en van ik te dat die in is niet je hij zijn met op voor aan er maar om als dan wat ook door naar bij \
         heb heeft uit nog wel kan geen over zo mijn worden wordt zou was hebben deze dit we ze of tot meer haar u uw \
         moet wil hoe waar wanneer alleen willen graag omdat moeten jullie \
         hallo kunt kun helpen vinden goed goede bedankt dank mijn jouw zoek graag kunnen vind alsjeblieft",
    ),
    (
        "sv",
        "och att det som en pa ar av for med den till inte ett har de om jag han hon var vi sig men fran kan nar eller sa \
         man nu ska skulle vid mot efter upp da vill bara mig dig din mitt sin dem mycket hur vad alla ocksa ut varit hos \
         blir under denna detta finns veta \
         hej tack kan du hjalpa hitta bra soker behover snalla vilken nara",
    ),
    (
        "da",
        "og i at det som en pa er af for med den til ikke et har de om jeg han hun var vi sig men fra kan nar eller sa man \
         nu skal ville ved mod efter op vil bare mig dig din mit sin dem meget hvordan hvad alle ogsa ud vaeret hos bliver \
         under denne dette der blev hvor hvis have havde endnu gerne vide hvornår noget nogen kun hvorfor \
         hej tak hjaelpe finde god soger behover venligst naer",
    ),
    (
        "no",
        "og i at det som en pa er av for med den til ikke et har de om jeg han hun var vi seg men fra kan nar eller sa man \
         na skal ville ved mot etter opp vil bare meg deg din mitt sin dem mye hvordan hva alle ogsa ut vaert hos blir \
         under denne dette der ble hvor hvis ha hadde ennå gjerne vite noe noen kun hvorfor \
         hei takk hjelpe finne god trenger vennligst naer leter",
    ),
    (
        "fi",
        "ja on ei se etta oli han mutta en ole kun niin kuin myos hanen tai ovat joka sen mita minun minulla jos vain nyt \
         kaikki sita olen voi han olla ne tama taman mina sina me te he hyvin siita siina sitten jo viela ollut mikali \
         koska missa milloin taalla \
         hyvaa hyvan paivaa hei moi voisitko voitko auttaa minua loytamaan kiitos haluan haluaisin tarvitsen ravintolan mista miten milla lahelta",
    ),
    (
        "pl",
        "i w nie na sie z do to ze jest a o jak co ale po od za przez dla tak czy tym juz tylko jego jej ich ma oraz byc \
         moze sa byl bylo byla przy kiedy bardzo gdy jeszcze mnie mi ja ty on ona nas nam was wam ten ta te tego tej bez \
         pod nad aby lub ktory ktora ktore u \
         czesc mozesz pomoc znalezc dobra dobry dziekuje prosze chce potrzebuje gdzie szukam mam jestem dzien",
    ),
    (
        "cs",
        "a v se na je ze to s z i do o k ale jako za by pro jsem jsme jsou tak jak po bylo byl byla co nebo pri jeho od \
         jen si mu jej uz kdyz jeste ktery ktera ktere ma mel nez tim tomu byt podle pouze protoze take tady nas vas u ve \
         rad bych kdy bude proto \
         dobry den muzete muzes pomoci pomoct najit dobrou dobra dekuji prosim hledam potrebuji chci kde jak mam jsi",
    ),
    (
        "sk",
        "a v sa na je ze to s z i do o k ale ako za by pre som sme su tak po bolo bol bola co alebo pri jeho od len si mu \
         uz ked este ktory ktora ktore ma mal nez tym tomu byt podla iba pretoze tiez tu nas vas u vo \
         dobry den mozete mozes pomoct najst dobru dakujem prosim hladam potrebujem chcem kde",
    ),
    (
        "ro",
        "si de la in a nu ca este un o pe cu din care mai sa pentru ce au fost sunt dar al prin se le lui fi dupa cand am \
         fara sau el ea ei avea are acest aceasta acestea foarte doar tot toate cum va vor noi voi lor despre intre aici \
         inca vrea stiu \
         buna ziua puteti poti ajuta gasi bun multumesc caut rog aveti imi",
    ),
    (
        "hu",
        "a az es hogy nem is egy ez de meg csak mint ki mar van volt ha vagy el azt kell nagyon most lesz be mert sem le \
         ezt amit ami aki fel ugy igen minden itt ott en te o mi ti ok lehet volna nekem neki mikor szerint utan alatt \
         kozott \
         szia jo napot segitene segitenel segits talalni kerem koszonom keresek szeretnek egy tudna",
    ),
    (
        "tr",
        "ve bir bu da de icin ile cok ne gibi daha olarak olan o var ama kadar sonra en ben sen biz siz onlar degil mi her \
         ya ki iki zaman olduqu oldugu sadece ise hem nasil neden bunu benim senin bana sana olacak olsun diye tum hic veya \
         cunku burada gore \
         merhaba lutfen yardim edebilir misiniz misin bulmama iyi tesekkurler istiyorum ariyorum",
    ),
    (
        "az",
        "ve bir bu ucun ile cox ne kimi daha olaraq olan var amma qeder sonra men sen biz siz onlar deyil her ki iki zaman \
         yalniz ise hem nece niye bunu menim senin mene sene olacaq ucun da de",
    ),
    (
        "id",
        "yang dan di ini itu dengan untuk tidak dari dalam akan pada juga saya ke karena tersebut bisa ada oleh atau mereka \
         kita telah dia sudah kami anda adalah sebagai dapat lebih hanya saat banyak jika apa seperti belum harus bagi \
         kamu aku kapan tentang bahwa \
         halo tolong bantu mencari bagus terima kasih bisakah ingin mohon dekat",
    ),
    (
        "vi",
        "va la cua co khong cho mot cac duoc trong nguoi nhung voi den da nay tu toi o se khi ra lai thi cung nhu ve vao \
         no phai hay con do rat nhieu anh chi em ban chung van chua muon gi day biet nao vi sao \
         xin chao giup tim nha hang tot cam lam on ban co the",
    ),
    (
        "ca",
        "el la els les de que i en un una es per amb no del al com mes pero seva seu aquest aquesta son ser ha han hi ho \
         quan molt sense sobre tambe fins on qui des tot nosaltres durant cap contra aixo meu teu vosaltres ells encara \
         m'agradaria aqui \
         hola bon dia gracies pots ajudar trobar bona vull prop",
    ),
    (
        "hr",
        "i u je se na da su za od s a ne o koji koja koje kao ali to iz sam bi ili samo jos vec kad kada do po pri biti \
         bio bila bilo njegov njezin nas vas sve ovo taj ta te sto kako gdje nego zbog prema \
         bok dobar dan mozete mozes pomoci pronaci dobar hvala molim trazim trebam",
    ),
    (
        "ru",
        "и в не на я что он с как это по но они мы из за то к у же вы так от о все бы а она для до когда если или ни мне \
         его ее их был была было быть меня уже только еще при чтобы этот эта эти нет да где кто там тут здесь чем очень \
         можно нас вас",
    ),
    (
        "uk",
        "і в не на я що він з як це по але вони ми із за то до у же ви так від о все б а вона для коли якщо або ні мені \
         його її іх був була було бути мене вже тільки ще при щоб цей ця ці немає де хто там тут дуже можна нас вас та є \
         й би",
    ),
    (
        "bg",
        "и в не на аз че той с как това по но те ние от за то към у вие така всички би а тя до когато ако или ми му я им \
         беше съм са е да се вече само още при за този тази тези няма къде кои там тук много може ни ви ще бъде кога",
    ),
    (
        "sr",
        "и у је се на да су за од с а не о које која који као али то из сам би или само још већ кад када до по при бити био \
         била било његов њен нас вас све ово тај та те што како где него због према",
    ),
    (
        "ar",
        "في من على ان الى هذا هذه التي الذي عن مع لا ما كان هو هي او كل بعد قبل لم لن ثم قد بين حتى اذا عند غير كما لكن \
         ذلك تلك هنا هناك انا نحن انت كيف متى اين لماذا يمكن كانت يكون اجل فيه فيها",
    ),
    (
        "fa",
        "و در به از که این را با است برای آن یک می تا خود ها بر هم نیز اما ما شما او آنها هر شد بود شده کرد باشد چه اگر یا \
         های باید بدانم چگونه کجا چرا من تو ولی اینجا هنوز",
    ),
    (
        "ur",
        "کے کی میں ہے اور سے کا کو اس پر نے ہیں کہ یہ بھی جو تو نہیں ہی ایک وہ تھا کر گیا لیے تک ہو آپ ہم میرا کیا کب جب اب",
    ),
];
