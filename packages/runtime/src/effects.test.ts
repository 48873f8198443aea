import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createEffects } from './effects.ts'

describe('the tap of effects', () => {
  const killed = (given: { killAt: number; moment?: 'before' | 'after' }) => {
    const happened: string[] = []
    const effects = createEffects({
      ...given,
      kill: () => {
        happened.push('killed')
        throw new Error('killed')
      },
    })
    return { effects, happened }
  }

  it('kills before exactly the n-th effect, which then has not happened', async () => {
    const { effects, happened } = killed({ killAt: 2 })
    await effects.around('file-written', async () => happened.push('one'))
    await assert.rejects(effects.around('file-written', async () => happened.push('two')))
    assert.deepEqual(happened, ['one', 'killed'])
  })

  it('kills after exactly the n-th effect, which then has happened', async () => {
    const { effects, happened } = killed({ killAt: 1, moment: 'after' })
    await assert.rejects(effects.around('transaction-commit', async () => happened.push('one')))
    assert.deepEqual(happened, ['one', 'killed'])
  })

  it('only counts when nothing is to be killed, and only the kinds asked for', async () => {
    const effects = createEffects({ kinds: ['request-sent'] })
    effects.mark('request-sent')
    effects.mark('answer-received')
    assert.equal(await effects.around('file-written', async () => 7), 7)
    assert.equal(effects.count(), 1)
    assert.deepEqual(effects.seen(), ['request-sent'])
  })
})
