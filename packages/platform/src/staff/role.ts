/**
 * Roles of the operator's staff and what each may do (C8, least privilege). A right to see is not a right to act, and acts are done by
 * two people who both have the right.
 */

/** What can be permitted. */
const rights = [
  'see-health',
  'see-providers',
  'see-statements',
  'see-controls',
  'see-staff',
  'manage-providers',
  'manage-fees',
  'manage-people',
  'manage-keys',
  'manage-controls',
  'manage-staff',
] as const
export type Right = (typeof rights)[number]

type Role = { readonly ja: string; readonly en: string; readonly rights: readonly Right[] }

/** The roles. Nobody who manages staff manages anything else; an auditor sees all and changes nothing. */
export const roles = {
  monitor: { ja: '監視担当', en: 'Monitoring', rights: ['see-health'] },
  providers: {
    ja: '事業者担当',
    en: 'Provider relations',
    rights: ['see-health', 'see-providers', 'manage-providers'],
  },
  fees: {
    ja: '料金担当',
    en: 'Billing',
    rights: ['see-providers', 'see-statements', 'manage-fees'],
  },
  clerk: { ja: '照合担当', en: 'Matching clerk', rights: ['manage-people'] },
  keys: { ja: '鍵管理者', en: 'Key custodian', rights: ['see-health', 'manage-keys'] },
  security: {
    ja: 'セキュリティ責任者',
    en: 'Security officer',
    rights: ['see-health', 'see-controls', 'see-staff', 'manage-controls', 'manage-staff'],
  },
  auditor: {
    ja: '監査人',
    en: 'Auditor',
    rights: ['see-health', 'see-providers', 'see-statements', 'see-controls', 'see-staff'],
  },
} as const satisfies Record<string, Role>
export type RoleName = keyof typeof roles

/** Whether a text names a role. */
export function isRole(text: string): text is RoleName {
  return Object.hasOwn(roles, text)
}

/** Whether somebody with these roles may do this. */
export function mayDo(names: readonly RoleName[], right: Right): boolean {
  return names.some(name => (roles[name].rights as readonly Right[]).includes(right))
}
