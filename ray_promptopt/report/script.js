// Sorting by a click on a column's head, and showing changed examples alone.
for (const head of document.querySelectorAll("th[data-sort]")) {
  head.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0];
    const column = [...head.parentNode.children].indexOf(head);
    const down = head.dataset.sort === "down" ? "up" : "down";
    head.dataset.sort = down;
    const value = (row) => {
      const text = row.cells[column].textContent.trim();
      const number = Number(text);
      return text !== "" && !Number.isNaN(number) ? number : text;
    };
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return down === "down" ? -order : order;
    });
    body.append(...rows);
  });
}
const filter = document.getElementById("changed-only");
if (filter) {
  filter.addEventListener("change", () => {
    for (const row of document.querySelectorAll("tr.same")) row.hidden = filter.checked;
  });
}
document.documentElement.dataset.ready = String(document.documentElement.scrollWidth <= window.innerWidth);
