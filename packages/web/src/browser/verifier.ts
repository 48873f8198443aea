/** The browser's half of the verifier page, as text: it runs in the page, never here. */
import type { Words } from '../lang.ts'

const say = {
  reading: { ja: 'ファイルを読み取っています…', en: 'Reading the file …' },
  passed: { ja: '署名は有効です。', en: 'The signature is valid.' },
  failed: { ja: '署名は有効ではありません。', en: 'The signature is not valid.' },
  indeterminate: {
    ja: '署名が有効かどうか、判断できません。',
    en: 'It cannot be told whether the signature is valid.',
  },
  fault: { ja: '検証中に障害が起きました。', en: 'The verifier met a fault.' },
  file: { ja: 'ファイル', en: 'File' },
  signature: { ja: '署名', en: 'Signature' },
  stamp: { ja: 'タイムスタンプ', en: 'Time-stamp' },
  good: { ja: '有効', en: 'valid' },
  bad: { ja: '無効', en: 'not valid' },
  unknown: { ja: '判断できません', en: 'undetermined' },
  level: { ja: '形式と水準', en: 'Format and level' },
  claimed: { ja: '署名者が示す日時（証明なし）', en: 'Time that the signer claims (not proven)' },
  proven: {
    ja: '署名が存在したと証明された日時',
    en: 'Time by which it is proven to have existed',
  },
  none: { ja: 'なし', en: 'none' },
  covers: { ja: '署名の対象', en: 'What is signed' },
  changes: { ja: '署名の後の変更', en: 'Changes since' },
  permitted: { ja: '許された変更', en: 'permitted' },
  forbidden: { ja: '許されない変更', en: 'not permitted' },
  reasons: { ja: '理由', en: 'Reasons' },
  policy: { ja: '検証方針', en: 'Validation policy' },
  details: { ja: '機械が読む報告（JSON）', en: 'Report for machines (JSON)' },
  trusted: { ja: '信頼する証明書に加えました', en: 'Added to the trusted certificates' },
  lists: { ja: '失効リストに加えました', en: 'Added to the revocation lists' },
  content: { ja: '署名の対象のファイルとして受け取りました', en: 'Taken as the signed content' },
} as const satisfies Record<string, Words>

/**
 * What a page without a server runs first. The modules that it holds get addresses under which they can import each other, in circles
 * too, by an import map, which must be there before the first module is; then the script itself (`verifierScript`) comes.
 */
export const verifierLoader = `(async () => {
  const held = id => JSON.parse(document.getElementById(id).textContent)
  const added = (type, text) => {
    const element = document.createElement('script')
    element.type = type
    element.textContent = text
    document.body.append(element)
  }
  const inflated = async text => {
    const bytes = Uint8Array.from(atob(text), each => each.charCodeAt(0))
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).blob()
  }
  const imports = {}
  for (const [i, { code, gzip }] of held('verifier-modules').entries()) {
    const text = gzip === undefined ? code : await inflated(gzip)
    imports['@@' + i + '@@'] = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  }
  added('importmap', JSON.stringify({ imports }))
  added('module', held('verifier-script'))
})()
`

/**
 * The script, for `<script type="module">`. It takes the trust core from `data-config` (`core`: the address of a module), and nothing it
 * is given leaves the browser.
 */
export const verifierScript = `const words = ${JSON.stringify(say)}
const root = document.getElementById('verifier')
const config = JSON.parse(root.dataset.config)
const lang = document.documentElement.lang === 'en' ? 'en' : 'ja'
const told = document.getElementById('verifier-told')
const input = document.getElementById('verifier-file')
const instant = document.getElementById('verifier-at')
const say = key => words[key][lang]
const extra = { anchors: [], lists: [] }

const core = await import(config.core)
input.disabled = false
root.dataset.ready = 'true'
input.addEventListener('change', () => take([...input.files]))
root.addEventListener('dragover', event => event.preventDefault())
root.addEventListener('drop', event => {
  event.preventDefault()
  take([...event.dataTransfer.files])
})

async function take(files) {
  told.replaceChildren(line('p', say('reading')))
  const results = []
  const read = await Promise.all(files.map(async file => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })))
  const isAid = ({ name }) => /\\.(cer|crt|crl)$/i.test(name)
  for (const aid of read.filter(isAid)) results.push(takeAid(aid))
  const others = read.filter(each => !isAid(each))
  // What an XML signature refers to is its content, signed itself or not.
  const isContent = file => kindOf(file) === undefined || others.some(each => each !== file && uriOf(file, each) !== undefined)
  const contents = others.filter(isContent)
  const content = contents.length === 0 ? undefined : { kind: 'bytes', bytes: contents[0].bytes }
  for (const { name } of contents) results.push(note(name + ': ' + say('content')))
  for (const file of others.filter(each => !isContent(each))) {
    try {
      const beside = contents.map(({ name, bytes }) => [uriOf({ name }, file) ?? name, { kind: 'bytes', bytes }])
      results.push(await judge(file, content, new Map(beside)))
    } catch (fault) {
      results.push(note(file.name + ': ' + say('fault') + ' ' + String(fault)))
    }
  }
  told.replaceChildren(...results)
  told.focus()
}

// By which text an XML document refers to a file, if it does: the name may be percent-encoded.
function uriOf({ name }, document) {
  if (kindOf(document) !== 'xml') return undefined
  const text = new TextDecoder().decode(document.bytes)
  return [name, encodeURIComponent(name), encodeURI(name)].find(uri => text.includes('URI="' + uri + '"') || text.includes("URI='" + uri + "'"))
}

function takeAid({ name, bytes }) {
  const der = unarmoured(bytes)
  if (/\\.crl$/i.test(name)) {
    extra.lists.push(der)
    return note(name + ': ' + say('lists'))
  }
  extra.anchors.push(core.parseCertificate(der))
  return note(name + ': ' + say('trusted'))
}

function kindOf({ name, bytes }) {
  return /\\.(tsr|tst)$/i.test(name) ? 'tsr' : core.signedFileKindOf(bytes)
}

function unarmoured(bytes) {
  const found = /-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+\\/=\\s]+)-----END/.exec(new TextDecoder('latin1').decode(bytes))
  return found === null ? bytes : Uint8Array.from(atob(found[1].replace(/\\s/g, '')), each => each.charCodeAt(0))
}

async function judge(file, content, files) {
  const kind = kindOf(file)
  const decode = text => core.parseCertificate(Uint8Array.from(atob(text), each => each.charCodeAt(0)))
  const at = instant.value === '' ? Date.now() : new Date(instant.value).getTime()
  const revocation = { kind: 'collected', lists: extra.lists, responses: [], limits: core.generalPolicy.ocsp }
  const own = config.anchors.map(decode)
  const isOwn = extra.anchors.length === 0
  const report = await core.settle(() => core.validateSignedFile({
    kind,
    file: kind === 'cms' || kind === 'tsr' ? unarmoured(file.bytes) : file.bytes,
    content,
    files,
    coverage: 'whole',
    query: undefined,
    algorithm: undefined,
    at,
    anchors: isOwn ? own : extra.anchors,
    certificates: [],
    revocation,
    timeStamps: { anchors: [...config.stampAnchors.map(decode), ...extra.anchors], intermediates: [], revocation, policy: core.generalPolicy },
    rules: isOwn
      ? { kind: 'profile', profile: config.profile === 'real' ? core.jpkiReal : core.jpkiTown, purpose: 'signature', poolKeys: config.profile === 'real' ? 'refused' : 'danger-accepted' }
      : { kind: 'standard', policies: { acceptable: 'any', isExplicitRequired: false, isMappingInhibited: false, isAnyInhibited: false }, purpose: undefined, policy: core.generalPolicy },
    policy: core.generalPolicy,
    keys: new core.KeyCache(64),
  }))
  return shown(file.name, core.describeSignedFile(report))
}

function shown(name, report) {
  const section = document.createElement('section')
  section.append(line('h2', name), verdictBox(report))
  report.signatures.forEach((each, i) => section.append(signatureOf(each, i)))
  section.append(pairsOf([[say('policy'), report.policy]]))
  const details = document.createElement('details')
  details.append(line('summary', say('details')), line('pre', JSON.stringify(report, null, 2)))
  section.append(details)
  return section
}

function verdictBox(report) {
  const kinds = { passed: 'success', failed: 'error', indeterminate: 'warning' }
  const box = document.createElement('div')
  box.className = 'notice ' + kinds[report.verdict]
  const title = line('p', say(report.verdict) + ' (' + [report.indication, report.subIndication].filter(Boolean).join(', ') + ')')
  title.className = 'notice-title'
  box.append(title, ...report.reasons.map(each => line('p', each[lang] + ' [' + each.code + ']')))
  return box
}

function signatureOf(signature, i) {
  const box = document.createElement('div')
  const outcome = { passed: 'good', failed: 'bad', indeterminate: 'unknown' }[signature.verdict]
  const kind = /time-stamp$/.test(signature.level) ? 'stamp' : 'signature'
  box.append(line('h3', (i + 1) + '. ' + say(kind) + ': ' + say(outcome)))
  const changes = signature.changes.map(each => say(each.isPermitted ? 'permitted' : 'forbidden') + ': ' + each[lang]).join(' / ')
  box.append(pairsOf([
    [say('level'), signature.level],
    [say('claimed'), timeOf(signature.claimedAt)],
    [say('proven'), timeOf(signature.provenAt)],
    [say('covers'), signature.covers.join(', ') || say('file')],
    [say('changes'), changes || say('none')],
    [say('reasons'), signature.reasons.map(each => each[lang]).join(' ') || say('none')],
  ]))
  return box
}

function timeOf(text) {
  return text === undefined ? say('none') : new Date(text).toLocaleString(lang === 'ja' ? 'ja-JP' : 'en-GB', { timeZone: 'Asia/Tokyo', timeZoneName: 'short' })
}

function pairsOf(rows) {
  const list = document.createElement('dl')
  list.className = 'pairs'
  for (const [term, value] of rows) list.append(line('dt', term), line('dd', value))
  return list
}

function note(text) {
  const box = document.createElement('div')
  box.className = 'notice info'
  box.append(line('p', text))
  return box
}

function line(name, text) {
  const element = document.createElement(name)
  element.textContent = text
  return element
}
`
