// Turns point clouds on canvases; drag turns, the wheel enlarges. LOW, HIGH, INNER, FAR, FILL and STEPS stand before it.
"use strict";
function cloudViewer(canvas) {
  const bytes = Uint8Array.from(atob(canvas.dataset.points), c => c.charCodeAt(0));
  const p = new Int16Array(bytes.buffer), count = p.length / 3;
  const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1));
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d"), image = context.createImageData(side, side);
  const depth = new Float32Array(side * side), pixels = new Uint32Array(image.data.buffer);
  let turn = 0.6, tilt = 0.35, zoom = 1, drag = null, still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const heights = p.filter((_, i) => i % 3 === 1).sort();
  const [low, high] = INNER.map(share => heights[Math.round(share * (count - 1))]);
  function draw() {
    const st = Math.sin(turn), ct = Math.cos(turn), se = Math.sin(tilt), ce = Math.cos(tilt);
    const scale = FILL * side * zoom / STEPS;
    const radius = Math.max(1, Math.min(0.03 * side, 0.28 * side / Math.sqrt(count)) * zoom), reach = Math.ceil(radius);
    depth.fill(-Infinity);
    pixels.fill(0);
    for (let i = 0; i < p.length; i += 3) {
      const x = p[i] * ct - p[i + 2] * st, z = p[i] * st + p[i + 2] * ct, y = p[i + 1];
      const column = side / 2 + scale * x, row = side / 2 - scale * (y * ce - z * se), near = y * se + z * ce;
      const height = Math.max(0, Math.min(1, (y - low) / Math.max(1, high - low)));
      const pale = FAR * (1 - Math.max(-1, Math.min(1, near / STEPS))) / 2;
      const colour = [0, 1, 2].map(k => { const c = LOW[k] + (HIGH[k] - LOW[k]) * height; return c + (1 - c) * pale; });
      const top = Math.max(0, Math.floor(row) - reach), bottom = Math.min(side - 1, Math.floor(row) + reach);
      const left = Math.max(0, Math.floor(column) - reach), right = Math.min(side - 1, Math.floor(column) + reach);
      for (let v = top; v <= bottom; v++)
        for (let u = left; u <= right; u++) {
          const dx = (u + 0.5 - column) / radius, dy = (v + 0.5 - row) / radius, h = 1 - dx * dx - dy * dy;
          if (h <= 0) continue;
          const bump = Math.sqrt(h), here = scale * near + radius * bump, at = v * side + u;
          if (here <= depth[at]) continue;
          depth[at] = here;
          const light = 255 * Math.max(0.2, Math.min(1, 0.45 + 0.55 * (0.75 * bump - 0.55 * dy - 0.35 * dx)));
          pixels[at] = 0xff000000 | light * colour[2] << 16 | light * colour[1] << 8 | light * colour[0];
        }
    }
    context.putImageData(image, 0, 0);
  }
  canvas.addEventListener("pointerdown", e => { drag = e; still = true; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("pointermove", e => {
    if (!drag) return;
    turn -= (e.clientX - drag.clientX) / 80;
    tilt = Math.max(-1.57, Math.min(1.57, tilt + (e.clientY - drag.clientY) / 80));
    drag = e;
    draw();
  });
  canvas.addEventListener("wheel", e => {
    e.preventDefault();
    zoom = Math.max(0.3, Math.min(8, zoom * Math.exp(-e.deltaY / 500)));
    draw();
  }, { passive: false });
  let visible = false;
  function spin() { if (visible && !still) { turn += 0.02; draw(); requestAnimationFrame(spin); } }
  new IntersectionObserver(entries => { visible = entries[0].isIntersecting; spin(); }).observe(canvas);
  draw();
}
document.querySelectorAll("canvas.cloud").forEach(cloudViewer);
