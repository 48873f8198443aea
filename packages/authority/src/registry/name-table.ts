/** Common names with their readings, for synthetic residents: frequent ones of each generation. A likeness to anybody is chance. */

/** A name and how it is read, in katakana. */
export type ReadName = readonly [written: string, reading: string]

function table(text: string): readonly ReadName[] {
  return text
    .trim()
    .split(/\s+/)
    .map(entry => {
      const [written = '', reading = ''] = entry.split(':')
      return [written, reading]
    })
}

/** Surnames, the more frequent first; a draw that favours the front gives a believable spread. */
export const surnames = table(`
佐藤:サトウ 鈴木:スズキ 高橋:タカハシ 田中:タナカ 伊藤:イトウ 渡辺:ワタナベ 山本:ヤマモト 中村:ナカムラ 小林:コバヤシ 加藤:カトウ
吉田:ヨシダ 山田:ヤマダ 佐々木:ササキ 山口:ヤマグチ 松本:マツモト 井上:イノウエ 木村:キムラ 林:ハヤシ 斎藤:サイトウ 清水:シミズ
山崎:ヤマザキ 森:モリ 池田:イケダ 橋本:ハシモト 阿部:アベ 石川:イシカワ 山下:ヤマシタ 中島:ナカジマ 石井:イシイ 小川:オガワ
前田:マエダ 岡田:オカダ 長谷川:ハセガワ 藤田:フジタ 後藤:ゴトウ 近藤:コンドウ 村上:ムラカミ 遠藤:エンドウ 青木:アオキ 坂本:サカモト
福田:フクダ 太田:オオタ 西村:ニシムラ 藤井:フジイ 金子:カネコ 岡本:オカモト 藤原:フジワラ 三浦:ミウラ 中野:ナカノ 中川:ナカガワ
原田:ハラダ 松田:マツダ 竹内:タケウチ 小野:オノ 田村:タムラ 中山:ナカヤマ 和田:ワダ 石田:イシダ 森田:モリタ 上田:ウエダ
原:ハラ 内田:ウチダ 柴田:シバタ 酒井:サカイ 宮崎:ミヤザキ 横山:ヨコヤマ 高木:タカギ 安藤:アンドウ 宮本:ミヤモト 大野:オオノ
小島:コジマ 工藤:クドウ 谷口:タニグチ 今井:イマイ 高田:タカダ 増田:マスダ 丸山:マルヤマ 杉山:スギヤマ 村田:ムラタ 大塚:オオツカ
新井:アライ 小山:コヤマ 平野:ヒラノ 藤本:フジモト 河野:コウノ 上野:ウエノ 武田:タケダ 野口:ノグチ 松井:マツイ 千葉:チバ
菅原:スガワラ 岩崎:イワサキ 久保:クボ 木下:キノシタ 佐野:サノ 野村:ノムラ 松尾:マツオ 菊地:キクチ 市川:イチカワ 杉本:スギモト
古川:フルカワ 島田:シマダ 水野:ミズノ 桜井:サクライ 高野:タカノ 渡部:ワタナベ 吉川:ヨシカワ 山内:ヤマウチ 西田:ニシダ 飯田:イイダ
西川:ニシカワ 小松:コマツ 北村:キタムラ 安田:ヤスダ 五十嵐:イガラシ 川口:カワグチ 平田:ヒラタ 関:セキ 中田:ナカタ 久保田:クボタ
服部:ハットリ 東:ヒガシ 岩田:イワタ 土屋:ツチヤ 川崎:カワサキ 福島:フクシマ 本田:ホンダ 辻:ツジ 樋口:ヒグチ 秋山:アキヤマ
比嘉:ヒガ 金城:キンジョウ 大城:オオシロ 宮城:ミヤギ 新垣:アラカキ 玉城:タマシロ 上原:ウエハラ 島袋:シマブクロ 平良:タイラ 山城:ヤマシロ
`)

/** Given names by the year of birth before which they were in fashion, oldest generation first. */
export const givenNames: readonly {
  readonly bornBefore: number
  readonly male: readonly ReadName[]
  readonly female: readonly ReadName[]
}[] = [
  {
    bornBefore: 1946,
    male: table(
      '清:キヨシ 勇:イサム 茂:シゲル 博:ヒロシ 実:ミノル 正:タダシ 弘:ヒロシ 進:ススム 勝:マサル 武:タケシ 昭:アキラ 三郎:サブロウ 正雄:マサオ 義雄:ヨシオ 一郎:イチロウ 利夫:トシオ',
    ),
    female: table(
      '和子:カズコ 幸子:サチコ 節子:セツコ 洋子:ヨウコ 弘子:ヒロコ 美代子:ミヨコ 勝子:カツコ 信子:ノブコ 久子:ヒサコ 文子:フミコ 千代子:チヨコ 芳子:ヨシコ 静子:シズコ キヨ:キヨ ハナ:ハナ トシ:トシ',
    ),
  },
  {
    bornBefore: 1966,
    male: table(
      '誠:マコト 隆:タカシ 修:オサム 豊:ユタカ 浩:ヒロシ 明:アキラ 浩一:コウイチ 和夫:カズオ 幸一:コウイチ 健:タケシ 正人:マサト 博之:ヒロユキ 哲也:テツヤ 和彦:カズヒコ 達也:タツヤ 聡:サトシ',
    ),
    female: table(
      '恵子:ケイコ 京子:キョウコ 由美子:ユミコ 明美:アケミ 真由美:マユミ 久美子:クミコ 智子:トモコ 裕子:ユウコ 順子:ジュンコ 悦子:エツコ 典子:ノリコ 直美:ナオミ 由美:ユミ 陽子:ヨウコ 美智子:ミチコ 早苗:サナエ',
    ),
  },
  {
    bornBefore: 1986,
    male: table(
      '大輔:ダイスケ 健一:ケンイチ 直樹:ナオキ 健太郎:ケンタロウ 和也:カズヤ 剛:ツヨシ 学:マナブ 亮:リョウ 洋平:ヨウヘイ 智之:トモユキ 祐介:ユウスケ 隆之:タカユキ 慎也:シンヤ 英樹:ヒデキ 健二:ケンジ 淳:ジュン',
    ),
    female: table(
      '陽子:ヨウコ 香織:カオリ 恵:メグミ 久美:クミ 麻衣:マイ 裕美:ヒロミ 真紀:マキ 愛:アイ 理恵:リエ 美穂:ミホ 亜希子:アキコ 麻美:アサミ 純子:ジュンコ 綾:アヤ 絵美:エミ 知美:トモミ',
    ),
  },
  {
    bornBefore: 2006,
    male: table(
      '翔太:ショウタ 拓也:タクヤ 翔:ショウ 大樹:ダイキ 健太:ケンタ 達也:タツヤ 駿:シュン 海斗:カイト 大輝:ダイキ 拓海:タクミ 優太:ユウタ 直人:ナオト 亮太:リョウタ 蓮:レン 陸:リク 颯太:ソウタ',
    ),
    female: table(
      '美咲:ミサキ 愛:アイ 彩:アヤ 七海:ナナミ 葵:アオイ 遥:ハルカ 舞:マイ 萌:モエ 明日香:アスカ 優花:ユウカ 未来:ミク 桃子:モモコ 千夏:チナツ 琴音:コトネ 菜々子:ナナコ 優:ユウ',
    ),
  },
  {
    bornBefore: 9999,
    male: table(
      '陽翔:ハルト 湊:ミナト 蒼:アオイ 樹:イツキ 悠真:ユウマ 朝陽:アサヒ 律:リツ 蓮:レン 大和:ヤマト 悠斗:ユウト 新:アラタ 颯真:ソウマ 碧:アオ 伊織:イオリ 陽太:ヒナタ 結翔:ユイト',
    ),
    female: table(
      '陽葵:ヒマリ 紬:ツムギ 凛:リン 結菜:ユイナ 芽依:メイ 澪:ミオ 咲茉:エマ 陽菜:ヒナ 結愛:ユア 葵:アオイ 心春:コハル 詩:ウタ 莉子:リコ 杏:アン 美月:ミツキ 琴葉:コトハ',
    ),
  },
]

/** Names of foreign residents by nationality, in the Latin letters of passports; weights as among registered foreign residents, rounded. */
export const foreignNames: readonly {
  readonly nationality: string
  readonly weight: number
  readonly family: readonly string[]
  readonly male: readonly string[]
  readonly female: readonly string[]
}[] = [
  {
    nationality: 'CHN',
    weight: 25,
    family: ['WANG', 'LI', 'ZHANG', 'LIU', 'CHEN', 'YANG'],
    male: ['WEI', 'LEI', 'HAO', 'MING'],
    female: ['FANG', 'NA', 'XIULAN', 'JING'],
  },
  {
    nationality: 'VNM',
    weight: 18,
    family: ['NGUYEN', 'TRAN', 'LE', 'PHAM', 'HOANG'],
    male: ['VAN HUNG', 'VAN NAM', 'MINH TUAN'],
    female: ['THI HOA', 'THI LAN', 'THI MAI'],
  },
  {
    nationality: 'KOR',
    weight: 12,
    family: ['KIM', 'LEE', 'PARK', 'CHOI', 'JUNG'],
    male: ['MINJUN', 'JIHOON', 'SUNGHO'],
    female: ['JIWOO', 'SOOJIN', 'MINJI'],
  },
  {
    nationality: 'PHL',
    weight: 10,
    family: ['SANTOS', 'REYES', 'CRUZ', 'GARCIA'],
    male: ['JOSE MARIA', 'JUAN CARLO', 'MARK'],
    female: ['MARIA LUISA', 'ANGELICA', 'GRACE'],
  },
  {
    nationality: 'NPL',
    weight: 7,
    family: ['SHRESTHA', 'GURUNG', 'TAMANG', 'THAPA'],
    male: ['BISHAL', 'SURESH', 'RAM'],
    female: ['SITA', 'ANJALI', 'SUNITA'],
  },
  {
    nationality: 'BRA',
    weight: 6,
    family: ['SILVA', 'SOUZA', 'OLIVEIRA', 'TANAKA'],
    male: ['PAULO', 'LUCAS', 'RAFAEL'],
    female: ['ANA PAULA', 'JULIANA', 'BEATRIZ'],
  },
  {
    nationality: 'USA',
    weight: 2,
    family: ['SMITH', 'JOHNSON', 'MILLER'],
    male: ['JAMES ROBERT', 'MICHAEL', 'DAVID'],
    female: ['EMILY ANN', 'SARAH', 'JESSICA'],
  },
]
