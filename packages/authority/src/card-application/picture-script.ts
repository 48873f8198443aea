/** The script beside the photo's field: makes a small JPEG of what was chosen, so that the form stays small. Without it one applies by post. */

/** Its address and text. */
export const pictureScript = {
  path: '/assets/card-photo.js',
  contentType: 'text/javascript; charset=utf-8',
  body: `const input = document.querySelector('input[type=file]')
const hidden = document.querySelector('input[name=photo]')
const shown = document.querySelector('#photo-shown')
input?.addEventListener('change', async () => {
  const [file] = input.files
  if (file === undefined) return
  const picture = await createImageBitmap(file)
  const scale = Math.min(1, 600 / Math.max(picture.width, picture.height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(picture.width * scale))
  canvas.height = Math.max(1, Math.round(picture.height * scale))
  canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height)
  hidden.value = canvas.toDataURL('image/jpeg', 0.85).split(',')[1] ?? ''
  shown.textContent = file.name
})
`,
} as const
