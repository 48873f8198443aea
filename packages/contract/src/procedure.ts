/** Procedures of several parties (C13): what a party's own system is given to do, and what it answers (scope `procedure`). */
import { z } from 'zod'

const instantText = z.iso.datetime()
const words = z.strictObject({ ja: z.string(), en: z.string() })
const values = z.record(
  z.string().max(64),
  z.union([z.string().max(2000), z.number(), z.boolean()]),
)

/** A document of a case, to be fetched by its id. */
const caseDocument = z.strictObject({
  id: z.string(),
  name: z.string(),
  mediaType: z.string(),
  /** Hex. */
  sha256: z.string(),
})

/** Who did something, as receivers want to see it (flows.md §24). */
const doneBy = z.strictObject({
  name: z.string(),
  corporation: z.string().optional(),
  unit: z.string().optional(),
  title: z.string().optional(),
  authority: words.optional(),
})

/** A task that waits for the caller. */
export const procedureTask = z.strictObject({
  case: z.string(),
  task: z.string(),
  procedure: z.strictObject({ id: z.string(), version: z.int(), title: words }),
  title: words,
  /** The caller's own id of the person who applied, if they are its customer. */
  subject: z.string().nullable(),
  openedAt: instantText,
  deadline: instantText.nullable(),
  isLate: z.boolean(),
  /** Why it is to be done again; null: it is the first time. */
  returned: z.string().nullable(),
  /** The fields of the application that the applicant has given the caller. */
  given: values,
  /** Fields of these that the applicant's certificate proves; the others are declared. */
  proven: z.array(z.string()),
  /** JSON Schema (2020-12) of what may be filled in; null: nothing. */
  form: z.record(z.string(), z.unknown()).nullable(),
  /** To be answered with a document that somebody with authority for this act has signed; null: none. */
  act: z.string().nullable(),
  /** One of these is to be chosen; empty: there is nothing to decide. */
  outcomes: z.array(z.strictObject({ id: z.string(), title: words })),
  /** What others have done, as far as the caller may see it. */
  others: z.array(
    z.strictObject({
      task: z.string(),
      title: words,
      party: z.string(),
      state: z.enum(['open', 'done', 'fallen']),
      doneAt: instantText.nullable(),
      by: doneBy.optional(),
      values: values.optional(),
      documents: z.array(caseDocument),
    }),
  ),
})
export type ProcedureTask = z.infer<typeof procedureTask>

/** `GET /v1/procedure-tasks`: oldest first, two hundred at most. */
export const procedureTasks = z.strictObject({ tasks: z.array(procedureTask) })

/** `POST /v1/procedure-tasks/{case}/{task}`: it is done, or something before it is to be done again. */
export const procedureAnswer = z.union([
  z.strictObject({
    outcome: z.string().max(64).optional(),
    values: values.optional(),
    /** The signed paper, where an act is asked for. */
    document: z
      .strictObject({
        kind: z.enum(['cms', 'pdf', 'xml', 'jws', 'asice']),
        name: z
          .string()
          .min(1)
          .max(200)
          .regex(/^[^/\\\p{Cc}]+$/u),
        file: z.base64().max(2 * 1024 * 1024),
      })
      .optional(),
  }),
  z.strictObject({
    returns: z.strictObject({ task: z.string().max(64), reason: z.string().min(1).max(500) }),
  }),
])
export type ProcedureAnswer = z.input<typeof procedureAnswer>

/** `GET /v1/procedure-cases/{case}/documents/{id}`. */
export const procedureDocument = z.strictObject({
  name: z.string(),
  mediaType: z.string(),
  /** Base64. */
  content: z.string(),
})
