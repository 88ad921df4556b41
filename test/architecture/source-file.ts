import ts from 'typescript';

/** An import, export-from or `import()` of one file, as written. */
export interface ImportOf {
  /** A package name with its sub-path, or for a relative import the path of the file from the project's root. */
  readonly target: string;
  readonly isRelative: boolean;
  /** The names taken; empty for `import()`, `import 'x'` and namespaces. */
  readonly names: readonly string[];
  readonly line: number;
}

/** Something in the code that a rule may speak about. */
export interface Mention {
  readonly kind: 'environment' | 'clock' | 'forwardRef' | 'sql';
  readonly text: string;
  readonly line: number;
}

export interface SourceFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly ImportOf[];
  readonly mentions: readonly Mention[];
}

/** Statements as repositories write them; a sentence that begins with `Select` is none. */
const SQL =
  /^\s*((select|SELECT)\s|(insert into|INSERT INTO)\s|(update|UPDATE)\s+\w+\s+(set|SET)\s|(delete from|DELETE FROM)\s|(with|WITH)\s+\w+\s+(as|AS)\s*\()/;

/** Parses TypeScript, so that what stands in strings and comments is never taken for code. */
export function parseSource(path: string, text: string): SourceFile {
  const parsed = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: ImportOf[] = [];
  const mentions: Mention[] = [];
  const lineOf = (node: ts.Node): number => parsed.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const visit = (node: ts.Node): void => {
    const imported = importIn(node);
    if (imported) imports.push({ ...resolve(path, imported.specifier), ...imported, line: lineOf(node) });
    const kind = mentionIn(node);
    if (kind) mentions.push({ kind, text: node.getText().split('\n')[0] ?? '', line: lineOf(node) });
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return { path, lines: text.trimEnd().split('\n').length, imports, mentions };
}

function importIn(node: ts.Node): { specifier: string; names: string[] } | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const { namedBindings, name } = node.importClause ?? {};
    const elements = namedBindings && ts.isNamedImports(namedBindings) ? namedBindings.elements : [];
    const names = elements.map((element) => (element.propertyName ?? element.name).text);
    return { specifier: node.moduleSpecifier.text, names: name ? ['default', ...names] : names };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    const { exportClause } = node;
    const elements = exportClause && ts.isNamedExports(exportClause) ? exportClause.elements : [];
    return {
      specifier: node.moduleSpecifier.text,
      names: elements.map((element) => (element.propertyName ?? element.name).text),
    };
  }
  const argument = ts.isCallExpression(node) && isLoading(node) ? node.arguments[0] : undefined;
  if (argument && ts.isStringLiteralLike(argument)) return { specifier: argument.text, names: [] };
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    if (ts.isStringLiteral(literal)) return { specifier: literal.text, names: [] };
  }
  return null;
}

function isLoading({ expression }: ts.CallExpression): boolean {
  return (
    expression.kind === ts.SyntaxKind.ImportKeyword ||
    (ts.isIdentifier(expression) && expression.text === 'require')
  );
}

function mentionIn(node: ts.Node): Mention['kind'] | null {
  if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'process')
    return node.name.text === 'env' ? 'environment' : null;
  if (ts.isElementAccessExpression(node) && node.expression.getText() === 'process')
    return node.argumentExpression.getText().includes('env') ? 'environment' : null;
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name))
    return node.initializer?.getText() === 'process' && /\benv\b/.test(node.name.getText())
      ? 'environment'
      : null;
  if (ts.isCallExpression(node) && /^Date(\.now)?$/.test(node.expression.getText())) return 'clock';
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date')
    return (node.arguments?.length ?? 0) === 0 ? 'clock' : null;
  if (ts.isIdentifier(node) && node.text === 'forwardRef') return 'forwardRef';
  if ((ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) && SQL.test(node.text)) return 'sql';
  return null;
}

function resolve(from: string, specifier: string): { target: string; isRelative: boolean } {
  if (!specifier.startsWith('.')) return { target: specifier, isRelative: false };
  const target = new URL(specifier, `file:///${from}`).pathname.slice(1);
  return { target: target.replace(/\.(m?)js$/, '.$1ts'), isRelative: true };
}
