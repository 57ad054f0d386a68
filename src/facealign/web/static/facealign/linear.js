/** The little linear algebra that pose and smoothing need: matrices are lists of rows. */

export const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
export const cross = ([a, b, c], [x, y, z]) => [b * z - c * y, c * x - a * z, a * y - b * x];
const column = (rows, k) => rows.map((row) => row[k]);
export const gram = (a, b) => a[0].map((_, i) => b[0].map((_, j) => dot(column(a, i), column(b, j))));
export const multiply = (a, b) => a.map((row) => b[0].map((_, j) => dot(row, column(b, j))));

/** The x of A x = b: Gauss's elimination with the largest pivot. */
export function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  const count = rows.length;
  for (let k = 0; k < count; k++) {
    const below = rows.slice(k).map((row) => Math.abs(row[k]));
    const pivot = k + below.indexOf(Math.max(...below));
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = 0; i < count; i++) {
      if (i === k) continue;
      const share = rows[i][k] / rows[k][k];
      rows[i] = rows[i].map((value, j) => value - share * rows[k][j]);
    }
  }
  return rows.map((row, i) => row[count] / row[i]);
}
