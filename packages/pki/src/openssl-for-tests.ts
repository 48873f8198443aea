/** The openssl command as an independent judge in tests. Files live in a folder that the judge removes when done. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a run of openssl said. */
export interface OpensslOutcome {
  readonly status: number
  /** Standard output and error together. */
  readonly text: string
  readonly bytes: Uint8Array
}

/** A folder of files and the openssl command over them. Use with `using`. */
export class OpensslJudge implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sekisho-openssl-'))

  /** Writes a file and returns its path. */
  file(name: string, content: Uint8Array | string): string {
    const path = join(this.#folder, name)
    writeFileSync(path, content)
    return path
  }

  /** Path of a file that openssl is to write. */
  path(name: string): string {
    return join(this.#folder, name)
  }

  /** Reads a file that openssl has written. */
  read(path: string): Uint8Array {
    return new Uint8Array(readFileSync(path))
  }

  /** Writes DER as PEM. */
  pem(name: string, label: string, der: Uint8Array): string {
    const lines =
      Buffer.from(der)
        .toString('base64')
        .match(/.{1,64}/g) ?? []
    return this.file(
      name,
      `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`,
    )
  }

  run(...args: readonly string[]): OpensslOutcome {
    const { status, stdout, stderr } = spawnSync('openssl', args, { timeout: 30_000 })
    return {
      status: status ?? -1,
      text: Buffer.concat([stdout, stderr]).toString('utf8'),
      bytes: new Uint8Array(stdout),
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
