export { type Bank, type BankSettings, startBank } from './bank/program.ts'
