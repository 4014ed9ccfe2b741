import type { MetricFamily } from '../../contracts/index.ts'

export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

/** Prometheus text exposition format, version 0.0.4. */
export function toMetricsText(families: readonly MetricFamily[]): string {
  let text = ''
  for (const { name, help, type, samples } of families) {
    text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`
    for (const sample of samples)
      text += `${name}${sample.suffix}${toLabels(sample.labels)} ${toNumber(sample.value)}\n`
  }
  return text
}

function toLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** As Go's ParseFloat reads it. */
function toNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
