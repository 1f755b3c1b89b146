// What the server says and is asked, made of skysieve/server/models.py by skysieve/server/typescript.py.

export interface Nothing {
}

export interface Problem {
  message: string;
}

export interface Status {
  kafka: string | null;
  spark: string | null;
  streams: string[];
  filters: Record<string, unknown>[];
}

export interface PartStatus {
  name: 'kafka' | 'spark' | 'supervisor';
  state: 'running' | 'waiting' | 'stopped' | 'unreachable' | 'unknown';
  waits_for: 'kafka' | 'spark' | 'supervisor' | null;
  reason: string;
  log: boolean;
}

export interface Work {
  doing: 'start' | 'stop';
  steps: string[];
  state: 'running' | 'done' | 'failed';
  error: string;
}

export interface Session {
  place: 'local' | 'remote' | 'none';
  kafka: string;
  spark: string;
  parts: PartStatus[];
  work: Work | null;
  problem: string;
  attach: string;
  spark_ui: boolean;
}

export interface Remote {
  spark: string;
  kafka: string;
  user?: string;
  password?: string;
  protocol?: '' | 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL';
  mechanism?: '' | 'SCRAM-SHA-512' | 'SCRAM-SHA-256' | 'PLAIN';
  ca?: string;
}

export interface Stream {
  name: string;
  packets: number;
  packets_per_second: number | null;
  newest: string | null;
  retention_seconds: number | null;
  retention_bytes: number | null;
  rejected: number;
}

export interface Column {
  name: string;
  type: string;
  unit: string;
  description: string;
}

export interface Values {
  column: string;
  unit: string;
  values: string[];
  sample: string;
  read: number;
}

export interface Filter {
  name: string;
  stream: string;
  version: string;
  versions: number;
  state: 'starting' | 'backfilling' | 'running' | 'stopped' | 'paused' | 'failed';
  wanted: 'running' | 'stopped';
  language: string;
  owner: string;
  output_topic: string;
  error: string;
  drift: string;
  warnings: string[];
  judged_per_second: number | null;
  matched_per_second: number | null;
  pass_rate: number | null;
  lag: number | null;
  lag_seconds: number | null;
  latency_median: number | null;
  last_match: string | null;
  backfill_done: number | null;
  backfill_count: number | null;
}

export interface Version {
  version: string;
  where: string;
  language: string;
  description: string;
  owner: string;
  deployed: string;
  current: boolean;
}

export interface Source {
  name: string;
  version: string;
  cell: string;
}

export interface Draft {
  name: string;
  stream?: string;
  language?: '' | 'sql' | 'python' | 'columns' | 'lasair' | 'boom';
  text: string;
  names?: string[];
}

export interface Mistake {
  part: 'name' | 'stream' | 'text';
  severity: 'error' | 'warning';
  line: number;
  column: number;
  length: number;
  message: string;
}

export interface Judged {
  mistakes: Mistake[];
}

export interface Line {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

export interface Difference {
  old: string;
  new: string;
  lines: Line[];
}

export interface Rollback {
  version?: string | null;
}

export interface Match {
  id: string;
  object: string;
  ra: number | null;
  dec: number | null;
  version: string;
  arrived: string;
  partition: number;
  offset: string;
  annotations: Record<string, string>;
  problem: string;
}

export interface StreamPage {
  items: Stream[];
  start: number;
  total: number;
}

export interface ColumnPage {
  items: Column[];
  start: number;
  total: number;
}

export interface FilterPage {
  items: Filter[];
  start: number;
  total: number;
}

export interface VersionPage {
  items: Version[];
  start: number;
  total: number;
}

export interface MatchPage {
  items: Match[];
  start: number;
  total: number;
}

export interface Changes {
  anew: boolean;
  session: Session | null;
  streams: Stream[];
  filters: Filter[];
  streams_gone: string[];
  filters_gone: string[];
}
