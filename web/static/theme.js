// Light or dark: the system's choice until the visitor makes another. Runs before the first paint.
(() => {
  const root = document.documentElement;
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be forbidden: then the choice lasts as long as the page
    }
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = (theme) => {
    root.dataset.theme = theme ?? (system.matches ? "dark" : "light");
  };
  show(chosen());
  system.addEventListener("change", () => show(chosen()));
  document.addEventListener("DOMContentLoaded", () => {
    const toggle = document.querySelector("[data-theme-toggle]");
    const label = () => {
      const other = root.dataset.theme === "dark" ? "light" : "dark";
      toggle.setAttribute("aria-label", `Switch to ${other} colours`);
      toggle.title = `Switch to ${other} colours`;
    };
    label();
    toggle.addEventListener("click", () => {
      show(root.dataset.theme === "dark" ? "light" : "dark");
      try {
        localStorage.setItem("theme", root.dataset.theme);
      } catch {
        // See above.
      }
      label();
    });
  });
})();
