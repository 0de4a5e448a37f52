//! The closed classes: words that say what stands beside them.
//!
//! Words of other languages stand where they cannot be taken for an English word of another class.

use super::lexicon as l;

/// Words, separated by spaces (`_` for a space within), and what they are.
pub(super) const WORDS: &[(&str, u64)] = &[
    (STOP, l::STOP | l::COMMON),
    (LEGAL, l::LEGAL),
    (BODY, l::BODY),
    (BODY_OF, l::BODY_OF | l::BODY),
    (TITLE, l::TITLE),
    (OFFICE, l::OFFICE),
    (
        "van von de del della di da der den dos das do du des la le el al bin ibn bint ben ter ten zu zum zur af av y e \
      van't st abu lo degli dalla dal dello mac",
        l::PARTICLE,
    ),
    ("jr sr ii iii iv phd md esq dds cpa rn mba junior senior mbe obe", l::SUFFIX),
    (
        "in at from to near around across via outside toward towards throughout within visiting visit visited leaving \
      through inside into beyond between versus aus nach bei dans en desde em från till til inne presso vers chez \
      naar uit tot в из до",
        l::TOWARD,
    ),
    (
        "live lives lived living born grew grow raised moved moving move relocated relocating based located travel \
      travelling traveling travelled traveled trip flight fly flying flew flown drive driving drove commute commuting \
      residing resides reside resident residents originally hometown city town village home headquartered stationed \
      settled emigrated immigrated fled vacation holiday holidays tourists tourist capital mayor county outskirts \
      suburb suburbs streets downtown deported stranded arrived arriving arrive coming returned returning wohne wohnt \
      lebe lebt vivo vive vivir vivo habite habitent abito abita moro mora woon woont bor asker mieszkam urodzony \
      geboren nacido né née nato nata живу живет ubicado situé",
        l::DWELL,
    ),
    (
        "hi hello hey dear bye goodbye hola hallo liebe lieber liebes cher chère estimado estimada querido querida caro \
      cara bonjour ciao beste hej kære prezado prezada olá salut szanowny drogi sayın merhaba уважаемый уважаемая \
      привет здравствуйте gentile egregio greetings howdy yo thanks thank_you congrats congratulations",
        l::GREETING,
    ),
    (
        "regards sincerely cheers thanks yours best love wishes grüße grüßen gruß cordialement saludos saluti atentamente \
      cordially faithfully truly respectfully atenciosamente abraços groeten hälsningar hilsen salutations xoxo \
      signed signature thx",
        l::CLOSING,
    ),
    (
        "name names nombre nome naam namn navn nimi nazwisko imię adım isim nom prénom vorname nachname apellido surname \
      firstname lastname имя фамилия фио",
        l::NAME_WORD,
    ),
    ("and und et y e of for de am sur sous on upon aan invested acquired unveiled manufactures", l::LINK),
    ("joined joining acquired by", l::LEADS),
    ("is was are ist es est är er jest это", l::COPULA),
    (
        "i'm im heiße heisse llamo m'appelle appelle chiamo chamo heet heter hedder nazywam зовут nazywa",
        l::SELF,
    ),
    (
        "brother sister son daughter mother father mom mum dad wife husband uncle aunt aunty auntie cousin nephew niece \
      grandmother grandfather grandma grandpa kid kids friend friends boyfriend girlfriend fiancé fiancée partner \
      colleague coworker boss roommate neighbor neighbour classmate teammate patient client customer attendee \
      passenger recipient beneficiary applicant candidate tenant landlord suspect defendant plaintiff witness victim \
      starring singer actor actress author artist drummer guitarist rapper comedian striker goalkeeper midfielder \
      quarterback coach manager secretary spokesman spokeswoman spokesperson ceo cfo cto founder co-founder employee \
      intern attorney lawyer nurse teacher tutor student pupil driver contestant novelist poet painter sculptor \
      photographer director composer nicknamed named née username attn attention cardholder payee sender signer \
      assignee reviewer reporter requester caller guest member holder owner contact",
        l::RELATION,
    ),
    (
        "said says say told tell tells ask asked asks with meet met meets call called calls know knows knew love loved \
      loves hate thank thanks sorry see saw remember miss married marry dating dated invite invited invites remind \
      reminds reminded and by for about of like to from remove add let while because that when but if so than when \
      does did has is was can will would should where who why how's where's who's featuring ft feat vs email emailed \
      e-mail text texted texting message messaged ping pinged notify notified cc bcc forward forwarded interview \
      interviewed hire hired assigned assign schedule scheduled transfer contact contacted ship deliver give gave \
      given sent send mr",
        l::BEFORE_PERSON,
    ),
    (
        "said says told asked replied wrote writes lives lived thinks thought believes believed loves loved likes hates \
      hated wants wanted knows knew works worked went goes came comes died smiled laughed cried nodded shouted \
      whispered answered explained added argued testified was is has had will would could can should did does doesn't \
      isn't wasn't won't called calls called emailed texted messaged phoned visited married graduated studied teaches \
      taught plays played sings sang won lost joined left listed gave got gets just never always also really needs \
      needed who whose and seems looks sounds made makes ran runs moved recommended suggested confirmed",
        l::AFTER_PERSON,
    ),
    (
        "street st road rd avenue ave lane ln drive dr boulevard blvd court ct crescent place pl square sq terrace close \
      parkway pkwy highway hwy alley mews quay esplanade trail circle cir turnpike plaza row walk grove gardens gate \
      utca út ulica väg gatan gata gade vej straße strasse straat laan weg gasse katu tie allé allee platz ring damm \
      ufer chaussee plein gracht kade dreef steeg promenade",
        l::STREET,
    ),
    (
        "rue via calle avenida rua avenue boulevard bd ulica ul viale piazza corso carrer paseo plaza place quai chemin \
      allée impasse travessa alameda praça calzada camino ulitsa улица ул. plac aleja strada largo",
        l::STREET_HEAD,
    ),
    (
        "river lake island islands mountain mountains county province valley bay beach desert peninsula sea ocean gulf \
      canyon falls creek hills forest district prefecture oblast region township borough parish airport harbor harbour \
      canal reef strait volcano glacier plateau coast archipelago city",
        l::GEO_TAIL,
    ),
    (
        "lake mount mt cape port fort san santa santo são st saint sankt los las la el puerto villa ciudad monte rio isla \
      bad camp north south east west northern southern eastern western upper lower central saint-",
        l::GEO_HEAD,
    ),
    (STATES, l::STATE | l::CAPITALS),
    ("zip zipcode postcode postal plz cap cep pincode pin", l::POSTAL),
    ("apt apartment suite ste unit floor room bldg building flat box po", l::UNIT),
    (
        "work works worked working employed job career position hired joined joining join intern interned interning \
      internship ceo cfo cto coo founder co-founder chairman chairwoman president director vp head manager engineer \
      developer analyst scientist researcher professor executive employee employees employer spokesman spokesperson \
      spokeswoman shares acquisition acquired bought merger subsidiary owned manufactured published made studied \
      studies studying graduated enrolled interview interviewed consultant recruiter contract partnership customer \
      client arbeite arbeitet travaille trabajo trabaja lavoro lavora trabalho trabalha",
        l::WORK,
    ),
    (
        "announced acquired launched reported shares stock employees unveiled sued lawsuit spokesman spokesperson ceo cfo \
      executives shareholders earnings profits subsidiary invested headquarters revenue store stores inc \
      manufactures",
        l::AFTER_ORGANIZATION,
    ),
    (
        "man woman men women people person citizen citizens national nationals community communities immigrant immigrants \
      refugee refugees descent origin ancestry heritage passport boy girl guy guys lady family parents mother father \
      wife husband student students politician voter voters couple diaspora background minority convert faith \
      believer nationality migrants migrant workers worker friend neighbor neighbour descendants accent roots \
      politicians lawmaker activist activists senator congressman teenager businessman businesswoman actor actress \
      singer author writer artist",
        l::FOLK,
    ),
    (
        "name full_name fullname customer patient employee client recipient cardholder contact first_name last_name \
      firstname lastname surname sender author owner applicant passenger guest from to cc nombre nom nome vorname \
      nachname kunde cliente beneficiary payee 姓名 名前 氏名 이름 成员 नाम الاسم имя",
        l::KEY,
    ),
    (
        "siri alexa cortana claude gemini bard llama mistral jenkins django flask ruby perl pascal ada julia jasmine maven \
      java jira mocha sphinx travis docker kafka cassandra hermes falcon vicuna alpaca apollo athena zeus luna titan \
      orion phoenix nova atlas max dora yaml crystal bootstrap grafana lambda elixir laurel merlin lotus python \
      mongo celery cypress selenium helm salt chef puppet nagios ansible terraform vagrant turing gauss fourier \
      laplace bayes markov newton euler fibonacci hilbert",
        l::NOT_PERSON,
    ),
    ("him her it them me us", l::OBJECT),
];

const STOP: &str = "the a an and or but nor so yet if then else when while where who whom whose which what why how this \
    that these those i you he she it we they me him them us my your his its our their mine yours hers ours theirs is \
    are was were be been being am do does did done doing have has had having can could may might must shall should \
    would not no yes of in on at by for with about against between into through during before after above below to from \
    up down out off over under again further once here there all any both each few more most other some such only own \
    same than too very just also as because until although though since unless however therefore thus hence moreover \
    furthermore meanwhile instead otherwise please note dear hello hi hey thanks thank sorry ok okay yeah monday tuesday \
    wednesday thursday friday saturday sunday january february march april june july august september october november \
    december mon tue tues wed thu thur thurs fri jan feb mar apr jun jul aug sep sept oct nov dec today tomorrow \
    yesterday now never ever always often sometimes maybe perhaps i'm i'll i've i'd you're you'll it's he's she's we're \
    they're don't doesn't didn't isn't aren't wasn't weren't can't won't wouldn't couldn't shouldn't let's what's who's \
    where's how's there's that's der die das und oder ist ein eine einen einem im den dem des mit für auf nicht ich du \
    er sie wir ihr wie was wer wo wenn aber les une est et ou dans sur pour avec qui que quoi je tu il elle nous vous \
    ils elles ce cette ces mon ma mes ton son sa ses los las una unos y es en por para con como pero yo él ella nosotros \
    ellos mi su sus esta este esto il lo gli una uno che chi per con sono è non os as um uma não eu ele ela het een en \
    niet ik jij wij zij hij new old via re fwd fw cc bcc";

const LEGAL: &str = "inc incorporated ltd limited llc llp plc corp corporation gmbh mbh ag kg ohg ug spa srl sarl sas bv nv vof ab oy \
    oyj asa aps pty pvt ltda lda kft zrt bt doo ood jsc ooo kk co sons gbr kgaa sl slu snc sasu sarl scop spzoo şti filhos fils hijos söhne";

const BODY: &str = "group bank holdings holding company partners industries technologies technology solutions systems \
    consulting consultants capital insurance agency airlines airways association society foundation trust institute \
    hospital clinic college school academy council committee commission party fc union press records studios pictures \
    pharmaceuticals pharma motors motor energy labs laboratories media entertainment enterprises ventures logistics \
    services software networks telecom communications electronics semiconductor semiconductors steel airport authority \
    federation league alliance coalition church bros brothers associates international worldwide global bancorp \
    financial investments securities assurance bakery brewery restaurant hotel hotels resorts university universität \
    université universidad università universidade universiteit hochschule stiftung verein banque banco banca caixa \
    sparkasse ministry department bureau office court police army navy museum library theatre orchestra times tribune \
    herald gazette journal chronicle daily inquirer magazine broadcasting club sport sports clube \
    rovers wanderers athletic united";

const BODY_OF: &str = "university universität université universidad università universidade institute ministry ministère \
    ministerio ministerium department bank college school academy church hospital bureau office court museum library \
    society association federation council chamber board banco banque banca institut instituto istituto faculty \
    république";

const TITLE: &str = "mr mrs ms miss mx dr prof professor herr frau señor señora señorita sr sra srta mme mlle m monsieur \
    madame mademoiselle sir madam lady lord capt captain lt col gen sgt maj rev fr sen rep gov hon pastor rabbi imam \
    sheikh doktor signor signora signore sig dott ing dhr mevr mevrouw meneer pan pani hr fru shri smt kumari don doña \
    dona senhor senhora г-н г-жа господин госпожа श्री श्रीमती डॉ माननीय";

const OFFICE: &str = "president king queen prince princess pope senator governor mayor minister chancellor secretary judge \
    justice detective inspector officer sergeant lieutenant colonel general major admiral commander father sister brother \
    uncle aunt aunty auntie coach nurse chairman ambassador congressman congresswoman councillor sheriff deacon bishop \
    cardinal archbishop saint emperor empress duke duchess count baron baroness representative principal dean";

const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND \
    OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR AB BC MB NB NL NS ON PE QC SK NSW VIC QLD SA TAS ACT NT SP RJ \
    MG RS BA SC PB RN CE MT GO DF";
