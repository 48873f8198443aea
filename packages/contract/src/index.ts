export {
  type Actor,
  isRefusalCode,
  type Problem,
  problemOf,
  Refusal,
  type RefusalCode,
  type Retry,
  refusals,
} from './refusal.ts'
