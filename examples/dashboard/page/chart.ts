import uPlot from 'uplot'
import { element, keyed, setAttribute, setText } from './element.ts'
import type { Reading, Series } from './series.ts'
import { axisText, countText, numberText, timeText } from './words.ts'

const plotHeight = 140
/** Of the table that says the same. */
const rowsMax = 100

/** One series, drawn; and the same in words and numbers, for whoever does not see it. */
export interface Chart {
  readonly node: HTMLElement
  draw(series: Series, fromMs: number, toMs: number): void
  /** With the colours as they are now. */
  recolour(): void
  remove(): void
}

export function createChart(): Chart {
  const name = element('span', { class: 'name' })
  const topic = element('span', { class: 'topic' })
  const value = element('output', { class: 'value' })
  const canvas = element('div', { class: 'plot', role: 'img' })
  const rows = element('tbody')
  const table = element(
    'details',
    {},
    element('summary', {}, 'Readings'),
    element(
      'div',
      { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Readings' },
      element(
        'table',
        {},
        element(
          'thead',
          {},
          element('tr', {}, element('th', { scope: 'col' }, 'Time'), element('th', { scope: 'col' }, 'Value')),
        ),
        rows,
      ),
    ),
  )
  const node = element(
    'figure',
    { class: 'card chart' },
    element('figcaption', {}, element('span', { class: 'what' }, name, topic), value),
    canvas,
    table,
  )
  let shown: { readonly series: Series; readonly fromMs: number; readonly toMs: number } | undefined
  let plot: uPlot | undefined
  const resized = new ResizeObserver(([entry]) => {
    if (entry !== undefined && entry.contentRect.width > 0) {
      plot?.setSize({ width: Math.floor(entry.contentRect.width), height: plotHeight })
    }
  })
  resized.observe(canvas)

  const showValue = (index: number | undefined): void => {
    if (shown === undefined) return
    const { readings } = shown.series
    const reading = readings[index ?? readings.length - 1]
    setText(value, reading === undefined ? '' : numberText(reading.value))
    setAttribute(value, 'data-at', index === undefined || reading === undefined ? false : timeText(reading.atMs))
  }

  const drawTable = (): void => {
    if (!table.open || shown === undefined) return
    keyed(rows, shown.series.readings.slice(-rowsMax).reverse(), {
      keyOf: ({ id }) => id,
      make: ({ atMs, value }) =>
        element('tr', {}, element('th', { scope: 'row' }, timeText(atMs)), element('td', {}, numberText(value))),
    })
  }
  table.addEventListener('toggle', drawTable)

  return {
    node,
    draw(series, fromMs, toMs) {
      shown = { series, fromMs, toMs }
      setText(name, series.field === '' ? 'value' : series.field)
      setText(topic, series.topic)
      setAttribute(canvas, 'aria-label', summary(series))
      const data = toData(series.readings)
      plot ??= createPlot(canvas, showValue)
      plot.batch(() => {
        plot!.setData(data, false)
        plot!.setScale('x', { min: fromMs / 1000, max: toMs / 1000 })
      })
      showValue(plot.cursor.idx ?? undefined)
      drawTable()
    },
    recolour() {
      plot?.destroy()
      plot = undefined
      if (shown !== undefined) this.draw(shown.series, shown.fromMs, shown.toMs)
    },
    remove() {
      resized.disconnect()
      plot?.destroy()
      node.remove()
    },
  }
}

function toData(readings: readonly Reading[]): uPlot.AlignedData {
  return [readings.map(({ atMs }) => atMs / 1000), readings.map(({ value }) => value)]
}

function summary({ topic, field, readings }: Series): string {
  const values = readings.map(({ value }) => value)
  const last = values.at(-1)
  if (last === undefined) return `${field} of ${topic}: no readings`
  const span = `between ${numberText(values.reduce((a, b) => Math.min(a, b)))} and ${numberText(values.reduce((a, b) => Math.max(a, b)))}`
  return `${field === '' ? 'value' : field} of ${topic}: ${countText(readings.length, 'reading')}, ${span}, last ${numberText(last)}`
}

function createPlot(target: HTMLElement, onCursor: (index: number | undefined) => void): uPlot {
  const colour = (name: string): string => getComputedStyle(target).getPropertyValue(name)
  const axis = {
    stroke: colour('--axis'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
  }
  return new uPlot(
    {
      width: Math.max(120, Math.floor(target.clientWidth)),
      height: plotHeight,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      // What one points at in one chart is shown in all.
      cursor: { sync: { key: 'time' }, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { y: { range: (_plot, min, max) => spread(min, max) } },
      axes: [
        { ...axis, space: 70, size: 26, values: (_plot, splits) => splits.map(second => axisText(second * 1000)) },
        { ...axis, space: 36, size: 48, values: (_plot, splits) => splits.map(numberText) },
      ],
      series: [
        {},
        {
          stroke: colour('--line'),
          fill: colour('--area'),
          fillTo: plot => plot.scales.y?.min ?? 0,
          width: 1.75,
          points: { show: plot => plot.data[0].length < 40, size: 5, fill: colour('--line') },
        },
      ],
      hooks: { setCursor: [plot => onCursor(plot.cursor.idx ?? undefined)] },
    },
    [[], []],
    target,
  )
}

/** Some room above and below; a line that is level lies in the middle. */
function spread(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1]
  const room = max > min ? (max - min) * 0.12 : Math.max(Math.abs(max) * 0.05, 0.5)
  return [min - room, max + room]
}
