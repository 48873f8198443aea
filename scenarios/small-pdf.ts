/** A PDF with one page and nothing on it. */
export function smallPdf(): Uint8Array {
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>',
  ]
  let body = '%PDF-1.7\n'
  const offsets = objects.map((each, i) => {
    const at = body.length
    body += `${i + 1} 0 obj\n${each}\nendobj\n`
    return String(at).padStart(10, '0')
  })
  const rows = offsets.map(each => `${each} 00000 n \n`).join('')
  const start = body.length
  body += `xref\n0 4\n0000000000 65535 f \n${rows}trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`
  return new TextEncoder().encode(body)
}
