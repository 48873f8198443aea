/**
 * Kanji of names and places that are written in an old, a new or a popular form. They are different characters: a register that
 * has 髙橋 does not have 高橋. So a form is a hint for whoever decides, and never an equality. Forms of one code point that Unicode itself
 * unifies (variation sequences, compatibility ideographs) are not here.
 */

/** Groups of forms, the most usual one first. */
const groups = [
  '高髙 崎﨑嵜 吉𠮷 辺邊邉 斎齋斉齊 浜濱濵 沢澤 広廣 国國 桜櫻 竜龍 滝瀧 島嶋嶌 恵惠 真眞 栄榮 円圓 寿壽',
  '学學 実實 寛寬 将將 徳德 浅淺 与與 万萬 来來 条條 豊豐 礼禮 静靜 蔵藏 芸藝 顕顯 黒黑 曽曾 富冨 峰峯',
  '野埜 桑桒 柳栁 鉄鐵 塩鹽 籠篭 檜桧 緒緖 弥彌 彦彥 増增 横橫 歩步 内內 清淸 青靑 巌巖 竈竃 鴎鷗 蛍螢',
  '亀龜 関關 県縣 区區 鶴靏靍 館舘 淵渕 隠隱 駅驛 児兒 衛衞 為爲 穂穗 聡聰 尭堯 遥遙 瑶瑤 凜凛 亜亞 壱壹',
  '乗乘 仏佛 伝傳 倹儉 剣劍劔 勲勳 団團 奥奧 宝寶 岳嶽 帰歸 応應 恒恆 戸戶 抜拔 昼晝 暁曉 気氣 温溫 湾灣',
  '焼燒 灯燈 畳疊 砺礪 経經 総總 縄繩 茎莖 荘莊 薫薰 薬藥 虫蟲 覚覺 観觀 読讀 謡謠 軽輕 転轉 郷鄕 釈釋',
  '銭錢 鋭銳 錬鍊 闘鬪 陥陷 霊靈 頼賴 騨驒 鶏鷄 麦麥 黙默 齢齡',
].flatMap(row => row.split(' '))

const usual = new Map(
  groups.flatMap(group => {
    const [first = '', ...others] = Array.from(group)
    return others.map(other => [other, first] as const)
  }),
)

/** The text with each kanji in its most usual form. */
export function withUsualKanji(text: string): string {
  return Array.from(text, character => usual.get(character) ?? character).join('')
}
