// The home page: entities, access, and the activity of the last hour.
import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { curl } from "./api.js";
import { rowHash, rowsOf } from "./grid.js";
import { isSigned, titleOf } from "./model.js";
import { NEW, hashOf } from "./place.js";
import { accessLabel } from "./session.js";
import { countText, dateTimeText, timeText } from "./text.js";
import { Button, CopyButton, Icon, IconButton, Page, Text, useChanges } from "./ui.js";

const NEWEST = 3;
const TITLE_LENGTH = 80;
const TOO_MANY = 429;

export function Home({ config, model, api, session, notify, deletions, docs }) {
  useChanges(session.onChange);
  const [visit, setVisit] = useState(0);
  const activity = useActivity(config, visit);
  const reader = useReader(api, visit);
  useEffect(() => session.onCallerChange(() => setVisit((last) => last + 1)), [session]);

  const document = api.documentUrl;
  const lists = model.operations.filter((operation) => operation.kind === "list" && !operation.function && !isSigned(operation));
  const sample = lists.find(({ security }) => security.length === 0) ?? lists[0];
  const routes = model.operations.filter((operation) => operation.function);
  const isListed = ({ operations: { list } }) => Boolean(list) && !session.missingAccess(list.security);
  const actions = html`<${IconButton} icon="refresh" label="Reload" onClick=${() => setVisit(visit + 1)} />`;
  return html`<${Page} title=${config.name} label="Overview" actions=${actions}>
    <div class="home">
      <section class="home-facts" aria-label="The API">
        <dl class="docs-facts">
          <dt>Address</dt><dd><code>${api.baseUrl}</code></dd>
          <dt>Version</dt><dd>${model.version}</dd>
          <dt>Links</dt><dd class="home-links">
            <a href=${hashOf({ name: docs })}>API documentation</a>
            <a href=${document} target="_blank" rel="noopener">OpenAPI document</a>
            ${config.dashboard && html`<a href=${config.dashboard} target="_blank"
              rel="noopener">Dashboard: requests, errors, latency</a>`}
          </dd>
        </dl>
        ${sample && html`<div class="home-sample">
          <pre class="code" tabindex="0" role="region"
            aria-label="A first request">${curl(api.buildRequest(sample, { query: { limit: 2 } }))}</pre>
          <${CopyButton} compact label="Copy as curl" notify=${notify}
            text=${() => curl(api.buildRequest(sample, { query: { limit: 2 } }))} />
        </div>`}
      </section>
      ${config.activity && html`<${Activity} activity=${activity} />`}
      <ul class="home-entities">
        ${model.entities.toSorted((one, other) => isListed(other) - isListed(one)).map((entity) => html`<${EntityCard} key=${entity.name} entity=${entity} visit=${visit}
          reader=${reader} session=${session}
          deletions=${deletions} isCounted=${Boolean(config.activity)} counts=${activity && countsOf(activity, operationsOf(model, entity))} operations=${operationsOf(model, entity)} />`)}
      </ul>
      ${routes.length > 0 && html`<${Routes} routes=${routes} docs=${docs} activity=${activity} />`}
      ${activity?.functions.length > 0 && html`<${Functions} functions=${activity.functions} />`}
    </div>
  <//>`;
}

const operationsOf = (model, entity) => model.operations.filter((operation) => operation.entity === entity.name && !operation.function);

// Only the local run counts requests.
function useActivity(config, visit) {
  const [activity, setActivity] = useState(null);
  useEffect(() => {
    if (!config.activity) return undefined;
    const controller = new AbortController();
    fetch(config.activity, { cache: "no-store", signal: controller.signal })
      .then((response) => (response.ok ? response.json() : null))
      .then(setActivity, () => {});
    return () => controller.abort();
  }, [visit]);
  return activity;
}

function countsOf({ routes }, operations) {
  const counts = operations.map(({ method, path }) => routes[`${method} ${path}`]).filter(Boolean);
  const sum = (name) => counts.reduce((total, each) => total + each[name], 0);
  return { requests: sum("requests"), refused: sum("refused"), failed: sum("failed") };
}

function Activity({ activity }) {
  const routes = Object.entries(activity?.routes ?? {}).map(([route]) => route.split(" "));
  const total = activity && countsOf(activity, routes.map(([method, path]) => ({ method, path })));
  const figure = (name, label, hint) => html`<div class=${`figure ${total?.[name] && name === "failed" ? "bad" : ""}`}>
    <dt>${label}</dt><dd>${total ? total[name].toLocaleString() : "–"}</dd><dd class="hint">${hint}</dd>
  </div>`;
  return html`<section aria-labelledby="home-activity">
    <h2 id="home-activity">Last hour</h2>
    <dl class="figures">
      ${figure("requests", "Requests", activity ? `Since ${timeText(new Date(activity.since))}` : "")}
      ${figure("refused", "Client errors", "Status 4xx")}
      ${figure("failed", "Server errors", "Status 5xx")}
    </dl>
  </section>`;
}

function countsText({ requests, refused, failed }) {
  const errors = refused + failed;
  if (requests === 0) return "No requests in the last hour";
  return `${countText(requests, "request")}${errors ? `, ${countText(errors, "error")}` : ""} in the last hour`;
}

// One list at a time, to spare the rate limit.
function useReader(api, visit) {
  const reader = useRef(null);
  if (reader.current?.visit !== visit) {
    reader.current?.controller.abort();
    reader.current = { visit, controller: new AbortController(), limit: null, last: Promise.resolve() };
  }
  useEffect(() => () => reader.current.controller.abort(), []);
  const { current } = reader;
  return (entity, { force = false } = {}) => {
    const { list } = entity.operations;
    const query = { limit: NEWEST, ...(entity.isOrdered && { order: "desc" }) };
    if (force) current.limit = null;
    current.last = current.last.then(async () => {
      if (current.controller.signal.aborted) return { status: 0 };
      if (current.limit) return current.limit;
      const answer = await api.call(list, { query, signal: current.controller.signal });
      if (answer.status === TOO_MANY) current.limit = answer;
      return answer;
    });
    return current.last;
  };
}

function EntityCard({ entity, operations, isCounted, counts, visit, reader, session, deletions }) {
  const card = useRef(null);
  const { list } = entity.operations;
  const missing = list && session.missingAccess(list.security);
  const [answer, setAnswer] = useState(null);
  const [isReading, setReading] = useState(false);
  const read = async (options) => {
    setAnswer(null);
    setReading(true);
    const found = await reader(entity, options);
    if (!found.status && !found.problem) return; // the view is gone, or is reading again
    setAnswer(found);
    setReading(false);
  };
  // Read only the entities that scroll into view.
  useEffect(() => {
    setAnswer(null);
    if (!list || missing) return undefined;
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      observer.disconnect();
      read();
    });
    observer.observe(card.current);
    return () => observer.disconnect();
  }, [visit, Boolean(missing)]);

  return html`<li class="card home-entity" ref=${card} aria-labelledby=${`home-${entity.name}`}>
    <header>
      <h2 id=${`home-${entity.name}`}><a href=${hashOf({ name: entity.name })}>${entity.label}</a></h2>
      ${entity.operations.create && html`<a class="icon-button" href=${hashOf({ name: entity.name, id: NEW })}
        aria-label=${`New in ${entity.label}`} title="New"><${Icon} name="plus" /></a>`}
    </header>
    <dl class="docs-facts">${accessRows(operations).map(([label, kinds]) => html`<dt>${label}</dt><dd>${kinds.join(", ")}</dd>`)}</dl>
    <div class=${`home-newest${list && !missing ? " listed" : ""}`} aria-busy=${isReading ? "true" : undefined}>
      <${Newest} entity=${entity} answer=${answer} missing=${missing} deletions=${deletions}
        retry=${() => read({ force: true })} />
    </div>
    ${isCounted && html`<p class="hint home-count">${counts && countsText(counts)}</p>`}
  </li>`;
}

function Newest({ entity, answer, missing, deletions, retry }) {
  if (!entity.operations.list) return html`<p class="hint">These items cannot be listed.</p>`;
  if (missing) return html`<p class="hint">${missing.detail}</p>`;
  if (!answer) return null;
  if (answer.problem) {
    const { detail, title } = answer.problem;
    return html`<p class="hint">${detail || title}</p><${Button} kind="link" onClick=${retry}>Try again<//>`;
  }
  const rows = rowsOf(answer.data.items, answer.data.owners).filter(({ item, owner }) => !deletions.has(entity, item, { owner }));
  if (rows.length === 0) return html`<p class="hint">No items yet.</p>`;
  return html`<ul>${rows.map((row) => html`<li key=${row.key}>
    <a href=${rowHash(entity, row)}><${Text} value=${titleOf(entity, row.item)} limit=${TITLE_LENGTH} /></a>
    <time datetime=${row.item.createdAt}>${dateTimeText(row.item.createdAt)}</time>
  </li>`)}</ul>`;
}

function accessRows(operations) {
  const rows = new Map();
  for (const operation of operations) {
    const label = accessLabel(operation);
    rows.set(label, [...(rows.get(label) ?? []), operation.kind]);
  }
  return [...rows];
}

function Routes({ routes, docs, activity }) {
  return html`<section aria-labelledby="home-routes">
    <h2 id="home-routes">Function routes</h2>
    <ul class="home-rows">${routes.map((operation) => html`<li key=${operation.id}>
      <span class=${`method ${operation.method.toLowerCase()}`}>${operation.method}</span>
      <a href=${hashOf({ name: docs, id: operation.id })}><code>${operation.path}</code></a>
      <span class="hint">${operation.summary} · ${accessLabel(operation)}${activity && ` · ${countsText(countsOf(activity, [operation]))}`}</span>
    </li>`)}</ul>
  </section>`;
}

function Functions({ functions }) {
  return html`<details class="home-functions">
    <summary>${countText(functions.length, "deployed function")}</summary>
    <dl class="docs-facts">${functions.map(({ name, version, canary }) => html`
      <dt><code>${name}</code></dt>
      <dd>Version ${version}${canary && `, and version ${canary.version} for ${Math.round(canary.weight * 100)} % of the requests`}</dd>
    `)}</dl>
  </details>`;
}
