"use strict";
// Sort a table by a column: figures by value, texts by alphabet, holes always last.
const compare = (a, b) => {
  const [x, y] = [a, b].map((cell) => cell.dataset.value);
  if (x !== undefined && y !== undefined) return x - y;
  if (x !== undefined || y !== undefined) return NaN;
  return a.textContent.trim().localeCompare(b.textContent.trim(), "en", { numeric: true });
};
for (const table of document.querySelectorAll("main .scroll > table")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const figures = head.classList.contains("num");
      const current = head.getAttribute("aria-sort");
      const ascending = current ? current === "descending" : !figures;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const rows = [...body.rows].sort((first, second) => {
        const [a, b] = [first.cells[column], second.cells[column]];
        const order = compare(a, b);
        if (Number.isNaN(order)) return a.dataset.value === undefined ? 1 : -1;
        return ascending ? order : -order;
      });
      body.append(...rows);
    });
  });
}
