// Sorting by a column's head, and showing the changed examples alone.
const number = (cell) => parseFloat(cell.textContent.replaceAll(",", ""));
function sortBy(head) {
  const body = head.closest("table").tBodies[0];
  const column = [...head.parentNode.children].indexOf(head);
  const descending = head.ariaSort !== "descending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const compare = head.classList.contains("n")
    ? (a, b) => (number(a) || 0) - (number(b) || 0)
    : (a, b) => a.textContent.localeCompare(b.textContent);
  const rows = [...body.rows].sort((a, b) => compare(a.cells[column], b.cells[column]));
  body.append(...(descending ? rows.reverse() : rows));
}
for (const head of document.querySelectorAll("th[data-sort]")) {
  head.addEventListener("click", () => sortBy(head));
  head.addEventListener("keydown", (event) => {
    if (event.key === "Enter") sortBy(head);
  });
}
for (const box of document.querySelectorAll("[data-changed-only]")) {
  box.addEventListener("change", () => {
    const table = box.closest("label").nextElementSibling;
    for (const row of table.querySelectorAll("tr.same")) row.hidden = box.checked;
  });
}
