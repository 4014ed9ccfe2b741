import { type Chart, createChart } from './chart.ts'
import { element, setAttribute, setText } from './element.ts'
import { messagesMax } from './feed.ts'
import { note } from './note.ts'
import { paced } from './paced.ts'
import { type Series, SeriesReader } from './series.ts'
import type { State, Store } from './store.ts'
import { countText } from './words.ts'

const chartsMax = 12
/** A chart whose newest reading is of now need not be drawn at every frame. */
const redrawMs = 250
const spanMsMin = 30_000

export const ranges = { '5 minutes': 5 * 60_000, '15 minutes': 15 * 60_000, '1 hour': 3_600_000 }

/** The numbers of the channel, one chart for each, over the same time. */
export function chartsPanel(store: Store, reach: () => void): { readonly node: HTMLElement; recolour(): void } {
  const charts = new Map<string, Chart>()
  const reader = new SeriesReader()
  const grid = element('div', { class: 'charts' })
  const title = element('h2', { id: 'readings' })
  const about = note()
  const more = element('p', { class: 'note', hidden: true })
  const topic = element('select', { id: 'topic' })
  const range = element(
    'select',
    { id: 'range' },
    ...Object.entries(ranges).map(([text, value]) => element('option', { value }, text)),
  )
  range.value = String(store.state.rangeMs)
  range.addEventListener('change', () => {
    store.set({ rangeMs: Number(range.value) })
    reach()
  })
  topic.addEventListener('change', () => draw(store.state))

  const draw = (state: State): void => {
    const toMs = Math.max(Date.now(), state.log.items.at(-1)?.acceptedAtMs ?? 0)
    const fromMs = toMs - state.rangeMs
    const all = reader.read(state.log.items, fromMs)
    drawTopics(topic, all)
    const chosen = topic.value === '' ? all : all.filter(series => series.topic === topic.value)
    const shown = chosen.slice(0, chartsMax)
    for (const [key, chart] of charts) {
      if (shown.some(series => series.key === key)) continue
      chart.remove()
      charts.delete(key)
    }
    // What is younger than the range is shown as large as it can be.
    const firstMs = shown.reduce((first, { readings }) => Math.min(first, readings[0]?.atMs ?? first), toMs - spanMsMin)
    const sinceMs = Math.max(fromMs, firstMs)
    for (const series of shown) {
      let chart = charts.get(series.key)
      if (chart === undefined) {
        chart = createChart()
        charts.set(series.key, chart)
        grid.append(chart.node)
      }
      chart.draw(series, sinceMs, toMs)
    }
    setText(title, state.channel ?? 'Readings')
    const isBounded = state.log.dropped > 0 || state.log.items.length >= messagesMax
    const left = chosen.length - shown.length
    setText(
      more,
      [
        left > 0 ? `${countText(left, 'more series', 'more series')}: choose a topic.` : '',
        isBounded ? `Of the newest ${messagesMax.toLocaleString()} messages.` : '',
      ]
        .join(' ')
        .trim(),
    )
    setAttribute(more, 'hidden', more.textContent === '')
    about.show(
      typeof state.history === 'string' ? undefined : state.history,
      state.channel === undefined
        ? 'Choose a channel, or create one.'
        : shown.length === 0
          ? 'No numbers here in this time. They are drawn from what is JSON.'
          : undefined,
      state.history === 'loading' && shown.length === 0 && state.channel !== undefined,
    )
  }

  const drawSoon = paced(() => draw(store.state), redrawMs)
  store.watch(['logChanges', 'history', 'rangeMs', 'channel'], drawSoon)
  // Time goes on where nothing comes.
  setInterval(drawSoon, 1_000)
  const node = element(
    'section',
    { class: 'readings', 'aria-labelledby': 'readings' },
    element(
      'div',
      { class: 'head' },
      title,
      element('span', { class: 'choose' }, element('label', { for: 'topic' }, 'Topic'), topic),
      element('span', { class: 'choose' }, element('label', { for: 'range' }, 'Last'), range),
    ),
    about.node,
    grid,
    more,
  )
  return {
    node,
    recolour: () => {
      for (const chart of charts.values()) chart.recolour()
    },
  }
}

function drawTopics(select: HTMLSelectElement, all: readonly Series[]): void {
  const topics = [...new Set(all.map(({ topic }) => topic))]
  const wanted = ['', ...topics]
  if (select.options.length === wanted.length && wanted.every((value, i) => select.options[i]?.value === value)) return
  const chosen = select.value
  select.replaceChildren(...wanted.map(value => element('option', { value }, value === '' ? 'all topics' : value)))
  select.value = topics.includes(chosen) ? chosen : ''
}
