import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { Api } from './api';
import type { Changes, Filter, Session, Stream } from './models';

const KEPT = 60;
const AGAIN = 2000;
const AGAIN_AT_MOST = 15_000;

/** A filter that has become otherwise; without `before` it was not known. */
export interface Change {
  before: Filter | undefined;
  after: Filter;
}

/** The session as the server tells of it, and the rates of the last while. */
export class Sky implements IDisposable {
  constructor(readonly api: Api) {
    this.open();
  }

  session: Session | null = null;
  streams: ReadonlyMap<string, Stream> = new Map();
  filters: ReadonlyMap<string, Filter> = new Map();

  /** Whether the server can be heard. */
  isHeard = false;

  /** Emitted when anything is otherwise, at most as often as the server tells. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted with each filter that is otherwise, not with those found at first. */
  get filterChanged(): ISignal<this, Change> {
    return this._filterChanged;
  }

  /** The rates of a stream or filter, oldest first. */
  rates(kind: 'stream' | 'in' | 'out', name: string): readonly number[] {
    return this._rates.get(`${kind}/${name}`) ?? [];
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._socket?.close();
    Signal.clearData(this);
  }

  private open(): void {
    if (this._isDisposed) {
      return;
    }
    const socket = new this.api.settings.WebSocket(this.api.changes);
    this._socket = socket;
    let first = true;
    socket.onmessage = (message: MessageEvent<string>) => {
      const told = JSON.parse(message.data) as Changes;
      this._wait = AGAIN;
      this.isHeard = true;
      this.take(first ? { ...told, anew: true } : told);
      first = false;
    };
    socket.onclose = () => {
      this.isHeard = false;
      this._changed.emit();
      setTimeout(() => this.open(), this._wait);
      this._wait = Math.min(2 * this._wait, AGAIN_AT_MOST);
    };
  }

  private take(told: Changes): void {
    const streams = new Map(told.anew ? [] : this.streams);
    const filters = new Map(told.anew ? [] : this.filters);
    told.streams_gone.forEach(name => streams.delete(name));
    told.filters_gone.forEach(name => filters.delete(name));
    told.streams.forEach(one => streams.set(one.name, one));
    told.filters.forEach(one => filters.set(one.name, one));
    const before = this.filters;
    this.session = told.session ?? this.session;
    this.streams = sorted(streams);
    this.filters = sorted(filters);
    this.noteRates(told);
    this._changed.emit();
    if (this._knows) {
      told.filters.forEach(after =>
        this._filterChanged.emit({ before: before.get(after.name), after })
      );
    }
    // the first that tells of filters tells of all that there are
    this._knows ||= told.filters.length > 0 || told.session?.problem === '';
  }

  private noteRates(told: Changes): void {
    for (const one of told.streams) {
      this.note(`stream/${one.name}`, one.packets_per_second);
    }
    for (const one of told.filters) {
      this.note(`in/${one.name}`, one.judged_per_second);
      this.note(`out/${one.name}`, one.matched_per_second);
    }
    told.streams_gone.forEach(name => this._rates.delete(`stream/${name}`));
    told.filters_gone.forEach(name => {
      this._rates.delete(`in/${name}`);
      this._rates.delete(`out/${name}`);
    });
  }

  private note(key: string, rate: number | null): void {
    if (rate !== null) {
      const before = this._rates.get(key) ?? [];
      this._rates.set(key, [...before.slice(1 - KEPT), rate]);
    }
  }

  private _changed = new Signal<this, void>(this);
  private _filterChanged = new Signal<this, Change>(this);
  private _rates = new Map<string, readonly number[]>();
  private _socket: WebSocket | null = null;
  private _wait = AGAIN;
  private _knows = false;
  private _isDisposed = false;
}

function sorted<T>(found: Map<string, T>): Map<string, T> {
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
