// Asks `sef main-turn` once a turn and does what it says at each of the turn's requests. All rules and records are there.
// Without an answer, or with one that is not in these lists, a turn stays as it is.
const MODELS = ['haiku', 'sonnet', 'opus']
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max']

async function ask($, program, event) {
  try {
    const run = await $.process.run([program, 'main-turn'], { stdin: JSON.stringify(event), timeoutMs: 1000 })
    return run.exitCode === 0 ? run.stdout.trim() : ''
  } catch {
    return ''
  }
}

// A request as the answer wants it. An effort is only ever lowered, and a model only changed where it is the one asked about.
function chosen(e, turn) {
  if (MODELS.includes(turn.word) && e.model === turn.model) return { ...e, model: turn.word }
  const [wanted, now] = [EFFORTS.indexOf(turn.word), EFFORTS.indexOf(e.effort)]
  return wanted >= 0 && wanted < now ? { ...e, effort: turn.word } : e
}

export function register(on, options) {
  const turns = new Map() // by turnId, the conversation's own
  let effort // the user's, as the last turn began

  on('turn.start', async ($, e, next) => {
    if (e.agentId !== undefined) return next(e)
    const { promptId: prompt } = await $.session.info()
    const [session, project, model] = [await $.session.id(), await $.session.root(), await $.session.model()]
    const turn = { session, project, prompt, model, effort, turns: await $.session.turns() }
    turns.set(e.turnId, turn)
    // '<' opens what the client writes itself: a background agent's end, a command.
    if (e.text && !e.text.startsWith('<')) turn.word = await ask($, options.program, { at: 'start', ...turn, text: e.text })
    turn.steps = []
    $.ui.status(turn.word ? `sef: this turn on ${turn.word}` : undefined)
    return next(e)
  })

  on('turn.step', async function* ($, e, next) {
    const turn = e.agentId === undefined ? turns.get(e.turnId) : undefined
    if (!turn) return yield* next(e)
    // From the second request on the client may give the effort that the first one was changed to.
    if (e.index === 0) turn.effort = effort = e.effort
    const at = Date.now()
    const result = yield* next(chosen(e, turn))
    if (result.usage) turn.steps.push({ at, ...result.usage })
    return result
  })

  on('turn.complete', async ($, e, next) => {
    const turn = e.agentId === undefined ? turns.get(e.turnId) : undefined
    turns.delete(e.turnId)
    if (turn?.word) $.ui.status(`sef: the last turn ran on ${turn.word}`)
    if (turn) await ask($, options.program, { at: 'done', ...turn, reason: e.reason, ms: e.durationMs })
    return next(e)
  })
}
