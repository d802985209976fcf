// Views whose modules are loaded when they are first shown.
import { html, useEffect, useLayoutEffect, useState } from "./vendor/htm-preact.js";

/** A view in place of the one that load() resolves to. A failure to load it is one of drawing it. */
export function lazy(load) {
  let View;
  return function Lazy(props) {
    const [isLate] = useState(!View);
    const [failure, setFailure] = useState(null);
    const [isLoaded, setLoaded] = useState(Boolean(View));
    useEffect(() => {
      if (!View) load().then((loaded) => { View = loaded; setLoaded(true); }, setFailure);
    }, []);
    // The page has looked for the heading before it was there.
    useLayoutEffect(() => {
      if (isLate && isLoaded && !document.activeElement?.closest("main")) document.querySelector("main h1")?.focus({ preventScroll: true });
    }, [isLoaded]);
    if (failure) throw failure;
    return isLoaded ? html`<${View} ...${props} />` : html`<div class="page loading" aria-busy="true"></div>`;
  };
}
