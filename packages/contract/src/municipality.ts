/**
 * Municipalities 市区町村 by code 全国地方公共団体コード: a dated extract of the national table, with every prefecture, every
 * designated city, the 23 special wards and what the guides and tests name. A code is for ever; which body bears it changes with
 * mergers, so the table says of which day it is. Not listed: wards of designated cities, which have codes but whose residents
 * are the city's here, and some 1,600 cities, towns and villages.
 */

/** Day on which the table held. Hamamatsu's wards were redrawn in 2024; the code of the city stayed. */
export const municipalityTableDate = '2026-04-01'

/** A municipality as certificates and screens name it. `romaji` and `prefectureRomaji` carry their suffix. */
export type Municipality = {
  /** Five digits, as certificates have it; `municipalityCheckDigit` gives the sixth. */
  readonly code: string
  readonly name: string
  readonly prefecture: string
  readonly romaji: string
  readonly prefectureRomaji: string
  /** Thousands of inhabitants, rounded: a weight for synthetic residents, not a statistic. */
  readonly thousands: number
}

/** Prefectures by the first two digits, with their names in Latin letters. */
const prefectures: Readonly<Record<string, readonly [name: string, romaji: string]>> = {
  '01': ['北海道', 'Hokkaido'],
  '02': ['青森県', 'Aomori-ken'],
  '03': ['岩手県', 'Iwate-ken'],
  '04': ['宮城県', 'Miyagi-ken'],
  '05': ['秋田県', 'Akita-ken'],
  '06': ['山形県', 'Yamagata-ken'],
  '07': ['福島県', 'Fukushima-ken'],
  '08': ['茨城県', 'Ibaraki-ken'],
  '09': ['栃木県', 'Tochigi-ken'],
  '10': ['群馬県', 'Gunma-ken'],
  '11': ['埼玉県', 'Saitama-ken'],
  '12': ['千葉県', 'Chiba-ken'],
  '13': ['東京都', 'Tokyo-to'],
  '14': ['神奈川県', 'Kanagawa-ken'],
  '15': ['新潟県', 'Niigata-ken'],
  '16': ['富山県', 'Toyama-ken'],
  '17': ['石川県', 'Ishikawa-ken'],
  '18': ['福井県', 'Fukui-ken'],
  '19': ['山梨県', 'Yamanashi-ken'],
  '20': ['長野県', 'Nagano-ken'],
  '21': ['岐阜県', 'Gifu-ken'],
  '22': ['静岡県', 'Shizuoka-ken'],
  '23': ['愛知県', 'Aichi-ken'],
  '24': ['三重県', 'Mie-ken'],
  '25': ['滋賀県', 'Shiga-ken'],
  '26': ['京都府', 'Kyoto-fu'],
  '27': ['大阪府', 'Osaka-fu'],
  '28': ['兵庫県', 'Hyogo-ken'],
  '29': ['奈良県', 'Nara-ken'],
  '30': ['和歌山県', 'Wakayama-ken'],
  '31': ['鳥取県', 'Tottori-ken'],
  '32': ['島根県', 'Shimane-ken'],
  '33': ['岡山県', 'Okayama-ken'],
  '34': ['広島県', 'Hiroshima-ken'],
  '35': ['山口県', 'Yamaguchi-ken'],
  '36': ['徳島県', 'Tokushima-ken'],
  '37': ['香川県', 'Kagawa-ken'],
  '38': ['愛媛県', 'Ehime-ken'],
  '39': ['高知県', 'Kochi-ken'],
  '40': ['福岡県', 'Fukuoka-ken'],
  '41': ['佐賀県', 'Saga-ken'],
  '42': ['長崎県', 'Nagasaki-ken'],
  '43': ['熊本県', 'Kumamoto-ken'],
  '44': ['大分県', 'Oita-ken'],
  '45': ['宮崎県', 'Miyazaki-ken'],
  '46': ['鹿児島県', 'Kagoshima-ken'],
  '47': ['沖縄県', 'Okinawa-ken'],
}

/** Rows `code name romaji thousands`. */
const rows = `
01100 札幌市 Sapporo-shi 1960
01202 函館市 Hakodate-shi 240
01203 小樽市 Otaru-shi 105
01204 旭川市 Asahikawa-shi 320
02201 青森市 Aomori-shi 265
02202 弘前市 Hirosaki-shi 160
02203 八戸市 Hachinohe-shi 215
03201 盛岡市 Morioka-shi 280
04100 仙台市 Sendai-shi 1095
04202 石巻市 Ishinomaki-shi 135
05201 秋田市 Akita-shi 295
06201 山形市 Yamagata-shi 240
07201 福島市 Fukushima-shi 270
07202 会津若松市 Aizuwakamatsu-shi 112
07203 郡山市 Koriyama-shi 320
07204 いわき市 Iwaki-shi 315
08201 水戸市 Mito-shi 268
08202 日立市 Hitachi-shi 165
08220 つくば市 Tsukuba-shi 255
09201 宇都宮市 Utsunomiya-shi 513
10201 前橋市 Maebashi-shi 328
10202 高崎市 Takasaki-shi 368
11100 さいたま市 Saitama-shi 1345
11201 川越市 Kawagoe-shi 353
11203 川口市 Kawaguchi-shi 606
11208 所沢市 Tokorozawa-shi 343
12100 千葉市 Chiba-shi 980
12203 市川市 Ichikawa-shi 493
12204 船橋市 Funabashi-shi 648
12207 松戸市 Matsudo-shi 498
12217 柏市 Kashiwa-shi 436
13101 千代田区 Chiyoda-ku 68
13102 中央区 Chuo-ku 177
13103 港区 Minato-ku 266
13104 新宿区 Shinjuku-ku 350
13105 文京区 Bunkyo-ku 232
13106 台東区 Taito-ku 212
13107 墨田区 Sumida-ku 283
13108 江東区 Koto-ku 538
13109 品川区 Shinagawa-ku 409
13110 目黒区 Meguro-ku 280
13111 大田区 Ota-ku 735
13112 世田谷区 Setagaya-ku 918
13113 渋谷区 Shibuya-ku 231
13114 中野区 Nakano-ku 337
13115 杉並区 Suginami-ku 572
13116 豊島区 Toshima-ku 292
13117 北区 Kita-ku 355
13118 荒川区 Arakawa-ku 218
13119 板橋区 Itabashi-ku 572
13120 練馬区 Nerima-ku 741
13121 足立区 Adachi-ku 693
13122 葛飾区 Katsushika-ku 465
13123 江戸川区 Edogawa-ku 690
13201 八王子市 Hachioji-shi 560
13202 立川市 Tachikawa-shi 185
13203 武蔵野市 Musashino-shi 148
13204 三鷹市 Mitaka-shi 190
13206 府中市 Fuchu-shi 260
13208 調布市 Chofu-shi 239
13209 町田市 Machida-shi 430
13421 小笠原村 Ogasawara-mura 3
14100 横浜市 Yokohama-shi 3750
14130 川崎市 Kawasaki-shi 1530
14150 相模原市 Sagamihara-shi 717
14201 横須賀市 Yokosuka-shi 376
14203 平塚市 Hiratsuka-shi 256
14204 鎌倉市 Kamakura-shi 172
14205 藤沢市 Fujisawa-shi 445
14206 小田原市 Odawara-shi 187
15100 新潟市 Niigata-shi 772
15202 長岡市 Nagaoka-shi 260
16201 富山市 Toyama-shi 406
16202 高岡市 Takaoka-shi 163
17201 金沢市 Kanazawa-shi 455
18201 福井市 Fukui-shi 257
19201 甲府市 Kofu-shi 187
20201 長野市 Nagano-shi 364
20202 松本市 Matsumoto-shi 235
21201 岐阜市 Gifu-shi 397
21202 大垣市 Ogaki-shi 158
22100 静岡市 Shizuoka-shi 675
22130 浜松市 Hamamatsu-shi 780
23100 名古屋市 Nagoya-shi 2330
23201 豊橋市 Toyohashi-shi 367
23202 岡崎市 Okazaki-shi 383
23203 一宮市 Ichinomiya-shi 378
23211 豊田市 Toyota-shi 416
24201 津市 Tsu-shi 270
24202 四日市市 Yokkaichi-shi 304
24203 伊勢市 Ise-shi 119
25201 大津市 Otsu-shi 343
26100 京都市 Kyoto-shi 1440
26204 宇治市 Uji-shi 177
27100 大阪市 Osaka-shi 2770
27140 堺市 Sakai-shi 812
27203 豊中市 Toyonaka-shi 398
27205 吹田市 Suita-shi 385
27207 高槻市 Takatsuki-shi 348
27210 枚方市 Hirakata-shi 394
27212 八尾市 Yao-shi 260
27227 東大阪市 Higashiosaka-shi 486
28100 神戸市 Kobe-shi 1500
28201 姫路市 Himeji-shi 520
28202 尼崎市 Amagasaki-shi 456
28203 明石市 Akashi-shi 306
28204 西宮市 Nishinomiya-shi 482
29201 奈良市 Nara-shi 348
30201 和歌山市 Wakayama-shi 350
31201 鳥取市 Tottori-shi 183
31202 米子市 Yonago-shi 145
32201 松江市 Matsue-shi 197
32203 出雲市 Izumo-shi 172
33100 岡山市 Okayama-shi 715
33202 倉敷市 Kurashiki-shi 470
34100 広島市 Hiroshima-shi 1180
34202 呉市 Kure-shi 203
34207 福山市 Fukuyama-shi 452
35201 下関市 Shimonoseki-shi 245
35202 宇部市 Ube-shi 158
35203 山口市 Yamaguchi-shi 189
36201 徳島市 Tokushima-shi 246
37201 高松市 Takamatsu-shi 410
38201 松山市 Matsuyama-shi 500
39201 高知市 Kochi-shi 316
40100 北九州市 Kitakyushu-shi 910
40130 福岡市 Fukuoka-shi 1650
40203 久留米市 Kurume-shi 300
41201 佐賀市 Saga-shi 228
42201 長崎市 Nagasaki-shi 390
42202 佐世保市 Sasebo-shi 235
43100 熊本市 Kumamoto-shi 737
44201 大分市 Oita-shi 474
45201 宮崎市 Miyazaki-shi 395
46201 鹿児島市 Kagoshima-shi 585
47201 那覇市 Naha-shi 314
47205 宜野湾市 Ginowan-shi 100
47211 沖縄市 Okinawa-shi 143
47382 与那国町 Yonaguni-cho 2
`

/** Every municipality of the table, by code. */
export const municipalities: readonly Municipality[] = rows
  .trim()
  .split('\n')
  .map(row => {
    const [code = '', name = '', romaji = '', thousands] = row.split(' ')
    const [prefecture, prefectureRomaji] = prefectures[code.slice(0, 2)] ?? ['', '']
    return { code, name, prefecture, romaji, prefectureRomaji, thousands: Number(thousands) }
  })

const byCode: ReadonlyMap<string, Municipality> = new Map(
  municipalities.map(municipality => [municipality.code, municipality]),
)

/** The municipality with a code, or undefined. */
export function municipalityOf(code: string): Municipality | undefined {
  return byCode.get(code)
}
