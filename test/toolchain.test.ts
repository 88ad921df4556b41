import 'reflect-metadata';
import { Injectable } from '@nestjs/common';
import { expect, it } from 'vitest';

@Injectable()
class Dependency {
  readonly name = 'dependency';
}

@Injectable()
class Service {
  constructor(readonly dependency: Dependency) {}
}

/** Without emitted parameter types Nest injects undefined, which shows far away from its cause. */
it('emits decorator metadata under vitest', () => {
  expect(Reflect.getMetadata('design:paramtypes', Service)).toEqual([Dependency]);
});
