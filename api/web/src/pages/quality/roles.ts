/** A table that is laid out as blocks on a narrow screen keeps its meaning for screen readers only by its roles. */
export const ROLE = {
  table: 'table',
  group: 'rowgroup',
  row: 'row',
  columnheader: 'columnheader',
  rowheader: 'rowheader',
  cell: 'cell',
} as const;
