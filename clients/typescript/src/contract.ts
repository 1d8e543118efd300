/** The types of calls, read off the OpenAPI document: a call that the document does not know does not compile. */
import type { paths } from './openapi.js';

export type Method = 'get' | 'post';

/** The paths that can be called with a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];

type OperationOf<M extends Method, P extends PathOf<M>> = paths[P] extends Record<M, infer Operation> ? Operation : never;

type JsonOf<T> = T extends { content: { 'application/json': infer Body } } ? Body : never;
type ParametersOf<T, Where extends string> = T extends { parameters: Partial<Record<Where, infer Found>> } ? Found : never;

/** The JSON that a successful call answers. */
export type AnswerOf<M extends Method, P extends PathOf<M>> =
  OperationOf<M, P> extends { responses: infer Answers } ? JsonOf<Answers[Extract<keyof Answers, 200 | 201 | 202>]> : never;

/** The JSON body that a call takes. */
export type BodyOf<M extends Method, P extends PathOf<M>> =
  OperationOf<M, P> extends { requestBody?: infer Body } ? JsonOf<NonNullable<Body>> : never;

/** The query parameters that a call takes. */
export type QueryOf<M extends Method, P extends PathOf<M>> = NonNullable<ParametersOf<OperationOf<M, P>, 'query'>>;

/** The parts of a path that vary. */
export type PathParametersOf<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [Key in Name]: string | number } & PathParametersOf<Rest>
  : unknown;
