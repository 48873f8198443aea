/** What a database may answer instead of rows, without the values it was about. */

/**
 * The database refused a statement. Messages and details of PostgreSQL quote the values of the row
 * (`Key (serial)=(…) already exists`), so nothing of them is kept but SQLSTATE and names.
 */
export class StoreError extends Error {
  /** The five characters of SQLSTATE (PostgreSQL, appendix A), or `unreachable`. */
  readonly sqlState: string
  readonly table: string | undefined
  readonly constraint: string | undefined

  constructor(
    message: string,
    known: { readonly sqlState: string; readonly table?: string; readonly constraint?: string },
  ) {
    super(message)
    this.name = new.target.name
    this.sqlState = known.sqlState
    this.table = known.table
    this.constraint = known.constraint
  }
}

/** A unique constraint stood against the row: another has the place. `constraint` says which. */
export class UniqueViolation extends StoreError {}

/** The transaction lost against a concurrent one (serialization or deadlock); it may be run again. */
export class SerializationFailure extends StoreError {}

/** Turns whatever a driver threw while running `statement` into a `StoreError`. */
export function storeErrorOf(thrown: unknown, statement: string): Error {
  if (thrown instanceof StoreError) return thrown
  if (!(thrown instanceof Error)) return new Error('a database driver threw something odd')
  const sqlState = textField(thrown, 'code')
  const table = textField(thrown, 'table')
  const constraint = textField(thrown, 'constraint')
  const known = {
    sqlState: sqlState === undefined || !/^[0-9A-Z]{5}$/.test(sqlState) ? 'unreachable' : sqlState,
    ...(table === undefined ? {} : { table }),
    ...(constraint === undefined ? {} : { constraint }),
  }
  const beginning = statement.slice(0, statementShownMax)
  if (known.sqlState === '23505') {
    return new UniqueViolation(`unique constraint ${constraint ?? ''} refused: ${beginning}`, known)
  }
  if (known.sqlState === '40001' || known.sqlState === '40P01') {
    return new SerializationFailure(`lost against a concurrent transaction: ${beginning}`, known)
  }
  if (known.sqlState === 'unreachable') {
    const why = textField(thrown, 'code') ?? thrown.name
    return new StoreError(`the database cannot be used (${why}): ${beginning}`, known)
  }
  return new StoreError(`the database answered ${known.sqlState} to: ${beginning}`, known)
}

function textField(error: Error, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}

/** Statements carry parameters, not values, so their beginning may be shown. */
const statementShownMax = 300
