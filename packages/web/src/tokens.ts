import imported from '@digital-go-jp/design-tokens'

// The package is CommonJS and declares a default export that it does not have: the module is the object.
const tokens = imported as unknown as typeof imported.default

/**
 * The Digital Agency's design tokens as CSS custom properties, only those that the frames use.
 * Names here say the role; the token says the value.
 */
const { Blue, Green, Red, Orange, Yellow } = tokens.Color.Primitive
const { SolidGray } = tokens.Color.Neutral

type Token = { readonly $value?: unknown }

const roles: Readonly<Record<string, Token>> = {
  '--key': Blue[900],
  '--key-strong': Blue[1000],
  '--key-deep': Blue[1200],
  '--key-soft': Blue[50],
  '--key-line': Blue[200],
  '--success': Green[800],
  '--success-soft': Green[50],
  '--error': Red[900],
  '--error-soft': Red[50],
  '--warning': Orange[800],
  '--warning-soft': Yellow[50],
  '--focus': Yellow[300],
  '--text': SolidGray[900],
  '--text-soft': SolidGray[700],
  '--line': SolidGray[420],
  '--line-soft': SolidGray[200],
  '--ground': SolidGray[50],
}

/** `:root { … }` with every role. */
export const tokenStyles = `:root{${Object.entries(roles)
  .map(([name, token]) => `${name}:${String(token.$value)}`)
  .join(';')}}`
