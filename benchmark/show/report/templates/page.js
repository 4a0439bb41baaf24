// Offer each table as CSV: figures as they sort, texts as they read.
const quoted = (text) => `"${text.trim().replaceAll('"', '""')}"`;
const csv = (table) =>
  [...table.rows]
    .filter((row) => !row.hidden)
    .map((row) => [...row.cells].map((cell) => cell.dataset.value ?? quoted(cell.innerText)).join(","))
    .join("\r\n");
for (const scroll of document.querySelectorAll("main .scroll:has(> table)")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "csv";
  button.textContent = "CSV";
  button.setAttribute("aria-label", `CSV of ${scroll.getAttribute("aria-label")}`);
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv(scroll.firstElementChild)], { type: "text/csv" }));
    link.download = `${scroll.getAttribute("aria-label").replace(/[^\w-]+/g, "-")}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  scroll.after(button);
}
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
  if (body.rows.length < 2 && body.rows.length) continue;
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.hidden = false;
    head.addEventListener("click", (event) => {
      if (event.target.closest("a")) return;
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
