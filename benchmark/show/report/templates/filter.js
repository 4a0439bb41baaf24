// Show the data sets, profiles, shots and metrics that are chosen; the address keeps the choice.
const filters = document.querySelector("#filters");
if (filters) {
  const selects = [...filters.querySelectorAll("select")];
  const columns = { profile: "Profile", shots: "Shots" };
  const address = new URLSearchParams(location.search);
  for (const select of selects) {
    const asked = address.get(select.name);
    if ([...select.options].some((option) => option.value === asked)) select.value = asked;
  }
  const apply = () => {
    const chosen = Object.fromEntries(selects.map((select) => [select.name, select.value]));
    for (const part of document.querySelectorAll("[data-dataset]"))
      part.hidden = Boolean(chosen.dataset) && part.dataset.dataset !== chosen.dataset;
    for (const part of document.querySelectorAll("[data-metric]")) {
      part.hidden = Boolean(chosen.metric) && part.dataset.metric !== chosen.metric;
      if (chosen.metric && !part.hidden && part.closest("details")) part.closest("details").open = true;
    }
    for (const table of document.querySelectorAll("main .scroll > table")) {
      const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent.trim());
      const conditions = Object.entries(columns)
        .map(([name, head]) => [heads.indexOf(head), chosen[name]])
        .filter(([column, value]) => column >= 0 && value);
      for (const row of table.tBodies[0].rows)
        row.hidden = conditions.some(([column, value]) => row.cells[column].textContent.trim() !== value);
    }
    const kept = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value)).toString();
    history.replaceState(null, "", (kept ? `?${kept}` : location.pathname) + location.hash);
  };
  filters.hidden = false;
  filters.addEventListener("input", apply);
  filters.addEventListener("reset", () => setTimeout(apply));
  if (location.search) apply();
}
