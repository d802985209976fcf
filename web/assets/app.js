// The page: start, route, sidebar, and the view.
import { html, render, useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { createApi } from "./api.js";
import { Home } from "./home.js";
import { ItemView } from "./item.js";
import { isSupported } from "./json.js";
import { followWrites, forgetLists } from "./list.js";
import { Jobs, ManyItemsView, createDeletions, createJobs } from "./many.js";
import { isTodo, readModel } from "./model.js";
import { IMPORT, TABLE, currentStep, followScroll, hashOf, keepList, readRoute, restoreScroll } from "./place.js";
import { Access, KeyForm, createSession } from "./session.js";
import { Button, EmptyState, Icon, IconButton, Notes, Page, Problem, Shortcuts, focusHeading, lazy, useChanges } from "./ui.js";

const NOTE_SECONDS = 6;

const Docs = lazy("./docs.js", "Docs");
const ImportView = lazy("./transfer.js", "ImportView");
const TodoView = lazy("./todo.js", "TodoView");

async function start() {
  const root = document.getElementById("app");
  root.textContent = "";
  if (!isSupported) {
    render(html`<${StartFailure} problem=${{
      title: "This browser is too old",
      detail: "It lacks exact numbers or current colours. Use Chrome 123, Edge 123, Firefox 135, Safari 18.4 or later.",
    }} />`, root);
    return;
  }
  const config = await readConfig();
  if (!config) {
    const detail = "config.json cannot be read. Deploy the whole website again.";
    render(html`<${StartFailure} problem=${{ title: "The console cannot find its API", detail }} retry=${start} />`, root);
    return;
  }
  document.title = document.body.dataset.name = config.name;
  const session = createSession(config);
  const signInError = await session.completeSignIn();
  const api = createApi(config, session);
  render(html`<${App} config=${config} session=${session} api=${api} signInError=${signInError} />`, root);
}

async function readConfig() {
  try {
    const response = await fetch("config.json", { cache: "no-cache" });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function StartFailure({ problem, retry }) {
  return html`<${FullPage}><${Problem} problem=${problem} retry=${retry} /><//>`;
}

function FullPage({ children }) {
  return html`<main class="alone"><h1 class="visually-hidden">${document.title}</h1>${children}</main>`;
}

function App({ config, session, api, signInError }) {
  const [answer, setAnswer] = useState(null);
  const load = async () => setAnswer(await api.fetchDocument());
  useEffect(() => {
    load();
  }, []);
  useChanges(session.onChange);
  const { claims } = session;
  const model = useMemo(() => answer?.data && readModel(answer.data, claims), [answer, claims]);
  if (!answer) return html`<main class="alone" aria-busy="true"></main>`;
  if ([401, 403].includes(answer.status)) {
    return html`<${FullPage}>
      <${EmptyState} icon="key" title=${session.key ? "The API key is not accepted" : "This API requires a key"}>
        <${KeyForm} session=${session} onDone=${load} />
      <//>
    <//>`;
  }
  if (answer.problem) return html`<${StartFailure} problem=${answer.problem} retry=${load} />`;
  return html`<${Console} config=${config} session=${session} api=${api} model=${model} signInError=${signInError} />`;
}

function Console({ config, session, api, model, signInError }) {
  const [route, go] = useRoute();
  const [notes, notify, dismiss] = useNotes();
  const jobs = useMemo(() => createJobs(notify), []);
  const deletions = useMemo(() => createDeletions(api, notify, jobs), [api]);
  useEffect(() => {
    const action = { label: "Sign in", run: () => session.signIn() };
    const notifyFailure = (text) => notify({ text, tone: "bad", isSticky: true, action });
    if (signInError) notifyFailure(signInError);
    const stops = [session.onSignInFailure(notifyFailure), session.beforeSignOut(() => deletions.flush({ keepalive: true }))];
    return () => stops.forEach((stop) => stop());
  }, []);
  const docsRoute = docsRouteName(model);
  const entity = model.entities.find(({ name }) => name === route.name);

  const isList = Boolean(entity) && ["", TABLE].includes(route.id);
  const view = route.name === docsRoute ? docsRoute : `${route.name}/${route.id}`;
  const shown = useRef({ view: null, hash: null, cameFrom: null });
  if (shown.current.view !== view) shown.current = { view, hash: null, cameFrom: shown.current.hash };
  shown.current.hash = hashOf(route);
  useEffect(() => followScroll(), []);
  useEffect(() => followWrites(api), [api]);
  useEffect(() => session.onCallerChange(forgetLists), [session]);
  useEffect(() => {
    if (isList) keepList(route);
  }, [route]);
  useLayoutEffect(() => {
    // The row of the last item may have the focus.
    if (!document.activeElement?.closest("main .row-link")) focusHeading();
    return restoreScroll(currentStep());
  }, [view]);

  // Leaving a view confirms its deletions.
  const previousName = useRef(route.name);
  useEffect(() => {
    if (previousName.current !== route.name) deletions.flush();
    previousName.current = route.name;
  }, [route.name]);

  const props = { model, entity, api, session, route, go, notify, deletions, jobs, cameFrom: shown.current.cameFrom };
  return html`
    <a class="skip" href="#main" onClick=${skipToContent}>Skip to content</a>
    <${SideBar} config=${config} model=${model} session=${session} route=${route} go=${go} docs=${docsRoute} entity=${entity} />
    <main id="main" tabindex="-1">
      <${ExpiredBanner} session=${session} />
      <${ErrorBoundary} key=${view}>
        ${route.name === ""
          ? html`<${Home} ...${props} config=${config} docs=${docsRoute} />`
          : route.name === docsRoute ? html`<${Docs} ...${props} />` : entity ? viewOf(props) : html`<${NotFound} />`}
      <//>
    </main>
    <div class="floating"><${Jobs} jobs=${jobs} /><${Notes} notes=${notes} dismiss=${dismiss} /></div>
  `;
}

// An error in a view leaves the rest of the page usable.
function ErrorBoundary({ children }) {
  const [error, reset] = useErrorBoundary(console.error);
  if (!error) return children;
  // Start without the data that could not be drawn.
  const retry = () => {
    forgetLists();
    reset();
  };
  const detail = error.cause ? error.message : `Unexpected error: ${error.message}.`;
  return html`<${Page} title="This view cannot be shown">
    <${Problem} problem=${{ title: "The console failed here", detail }} retry=${retry} />
  <//>`;
}

function viewOf(props) {
  const { entity, route } = props;
  if (route.id === IMPORT) return html`<${ImportView} ...${props} />`;
  if (route.id && route.id !== TABLE) return html`<${ItemView} ...${props} />`;
  const views = isTodo(entity) && { list: hashOf({ name: entity.name }), table: hashOf({ name: entity.name, id: TABLE }) };
  if (views && route.id !== TABLE) return html`<${TodoView} ...${props} views=${views} />`;
  return html`<${ManyItemsView} ...${props} views=${views} />`;
}

function SideBar({ config, model, session, route, go, docs, entity }) {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [route.name]);
  const item = (name, label, icon) => html`<li key=${name}>
    <a class="nav-item" href=${hashOf({ name })} aria-current=${route.name === name ? "page" : undefined}
      onClick=${() => setOpen(false)}><${Icon} name=${icon} />${label}</a>
  </li>`;
  return html`<header class="side">
    <div class="brand">
      <a href="#/" class="name">${config.name}</a>
      <span class="environment">${config.environment}</span>
      <${IconButton} kind="icon-button menu" icon=${open ? "close" : "menu"} label="Menu"
        aria-expanded=${open ? "true" : "false"} aria-controls="menu" onClick=${() => setOpen(!open)} />
    </div>
    <nav id="menu" class=${open ? "open" : ""} aria-label="Main">
      <ul>${item("", "Overview", "home")}</ul>
      <ul>${model.entities.map(({ name, label }) => item(name, label, "table"))}</ul>
      <ul class="last">
        ${item(docs, "API documentation", "book")}
        <li><${Shortcuts} entity=${entity} session=${session} go=${go}><${Icon} name="keyboard" />Keyboard shortcuts<//></li>
      </ul>
      <${Access} model=${model} session=${session} />
    </nav>
  </header>`;
}

function ExpiredBanner({ session }) {
  useChanges(session.onChange);
  if (!session.isExpired) return null;
  return html`<div class="banner" role="alert">
    <span>Your session has ended. Your changes are kept.</span>
    ${session.signIns([session.scheme]).length > 0 && html`<${Button} onClick=${() => session.signIn()}>Sign in again<//>`}
  </div>`;
}

function NotFound() {
  return html`<${Page} title="Page not found"><a class="button" href="#/">Go to the overview</a><//>`;
}

function skipToContent(event) {
  event.preventDefault(); // the hash is the route
  document.getElementById("main").focus();
}

// An entity may be called "docs".
function docsRouteName(model) {
  return model.entities.some(({ name }) => name === "docs") ? "+docs" : "docs";
}

function useRoute() {
  const read = () => readRoute(location.hash);
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const onHashChange = () => setRoute(read());
    addEventListener("hashchange", onHashChange);
    onHashChange(); // it may have changed before this effect ran
    return () => removeEventListener("hashchange", onHashChange);
  }, []);
  const go = (target, { replace = false } = {}) => {
    const hash = hashOf(target);
    if (!replace) location.hash = hash;
    else {
      history.replaceState(history.state, "", hash);
      setRoute(read());
    }
  };
  return [route, go];
}

function useNotes() {
  const [notes, setNotes] = useState([]);
  const next = useRef(0);
  const dismiss = (id) => setNotes((shown) => shown.filter((note) => note.id !== id));
  const notify = (note) => {
    const id = next.current++;
    // A new note replaces those without an action.
    setNotes((shown) => [...shown.filter(({ action }) => action), { ...note, id }]);
    if (!note.isSticky) setTimeout(() => dismiss(id), NOTE_SECONDS * 1000);
    return () => dismiss(id);
  };
  return [notes, notify, dismiss];
}

start();
