"use strict";
// Tables are sorted by the column whose head is pressed: numbers by value, largest first; words by letters.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const head = button.parentElement;
    const column = [...head.parentElement.children].indexOf(head);
    const body = head.closest("table").tBodies[0];
    const numeric = head.classList.contains("n");
    const now = head.getAttribute("aria-sort");
    const rising = now ? now === "descending" : !numeric;
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const key = (row) => {
      const cell = row.cells[column];
      return numeric ? Number(cell.dataset.value ?? -Infinity) : cell.textContent;
    };
    const order = (a, b) => (numeric ? key(a) - key(b) || 0 : key(a).localeCompare(key(b)));
    body.append(...[...body.rows].sort((a, b) => (rising ? order(a, b) : order(b, a))));
  });
}

// The section that is read is marked in the list of sections.
const links = new Map(
  [...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]),
);
const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id).setAttribute("aria-current", "true");
    }
  },
  { rootMargin: "-10% 0px -80% 0px" },
);
for (const section of document.querySelectorAll("main > section")) seen.observe(section);

// On paper nothing is folded away.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
