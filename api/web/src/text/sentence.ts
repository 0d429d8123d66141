/** A summary is one sentence or two: its first clause says what happened and how often, the rest where, when, by whom. */

/** What stands before the first `; ` or `. `, without the mark, and what stands after it; the rest may be empty. */
export function clauses(summary: string): [first: string, rest: string] {
  const end = /[.;]\s+/.exec(summary);
  if (!end?.index) return [summary.replace(/\.$/, ''), ''];
  return [summary.slice(0, end.index), summary.slice(end.index + end[0].length)];
}
